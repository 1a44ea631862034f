using Cloister.Broker.Host.Metrics;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>What a broker counts and measures, in Prometheus' text format.</summary>
internal sealed class MetricsEndpoint(BrokerMetrics metrics) : Endpoint(HttpMethods.Get, "/metrics", isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return metrics.WriteAsync(http.Response.Body, http.RequestAborted);
    }
}

/// <summary>The same as <c>/healthz</c>, under the name that probes expect.</summary>
internal sealed class ReadyEndpoint(HealthEndpoint health) : Endpoint(HttpMethods.Get, "/readyz", isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http) => health.ServeAsync(http);
}
