using Cloister.Broker.Host.Audit;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Counts of answers and what became of the audit log's checkpoints, in Prometheus' text format. Nothing in it names a cluster, a KEK or an enclave.</summary>
internal sealed class MetricsEndpoint(BrokerCounters counters, CheckpointPublisher publisher) : Endpoint(HttpMethods.Get, "/metrics", isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return http.Response.WriteAsync(counters.Text() + publisher.Metrics(), http.RequestAborted);
    }
}
