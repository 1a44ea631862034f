using System.Diagnostics;
using System.Security.Cryptography;
using Cloister.Broker.Administration;
using Cloister.Broker.Host.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Cloister.Broker.Host.Traces;

/// <summary>
/// Traces of requests and of what takes their time, over OTLP; nothing is made while nobody is configured to get it. A span says which route, what it was answered with and
/// how long each part took: no names, no addresses, no identifiers of enclaves or people, no queries, no headers, no bodies and no messages of errors. secrets: none.
/// </summary>
internal static class BrokerTraces
{
    /// <summary>Name of what makes spans, and of the service.</summary>
    internal const string Name = "cloister-broker";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>Sends spans from now on, until the answer is disposed.</summary>
    /// <exception cref="BrokerConfigurationException">The file of authorities is none.</exception>
    internal static IDisposable Start(TraceSection section, string version)
    {
        HttpClient client = ClientOf(section);
        return Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(Name, serviceVersion: version))
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(section.Ratio)))
            .AddSource(Name)
            .AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri(section.Endpoint, "/v1/traces");
                exporter.HttpClientFactory = () => client;
            })
            .Build();
    }

    /// <summary>A part of a request that takes time; null while nobody gets it.</summary>
    internal static Activity? Part(string what) => Source.StartActivity(what);

    /// <summary>Traces every request of a listener.</summary>
    /// <param name="application">The listener's.</param>
    /// <param name="listener">Its name.</param>
    /// <param name="knowsCallers">Whether who is not known gets no connection: what others say of traces decides nothing here.</param>
    internal static void Use(WebApplication application, string listener, bool knowsCallers) => application.Use(async (http, next) =>
    {
        if (!Source.HasListeners())
        {
            await next(http);
            return;
        }

        // What the web server makes of its own is not sent, and is nobody's parent.
        Activity.Current = null;
        string route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "none";
        using Activity? span = Source.StartActivity($"{MethodOf(http.Request)} {route}", ActivityKind.Server, knowsCallers ? ParentOf(http.Request) : default);
        span?.SetTag("cloister.listener", listener).SetTag("http.request.method", MethodOf(http.Request)).SetTag("http.route", route);
        try
        {
            await next(http);
            span?.SetTag("http.response.status_code", http.Response.StatusCode);
            span?.SetStatus(http.Response.StatusCode >= StatusCodes.Status500InternalServerError ? ActivityStatusCode.Error : ActivityStatusCode.Unset);
        }
        catch (Exception e)
        {
            span?.SetTag("error.type", e.GetType().Name).SetStatus(ActivityStatusCode.Error);
            throw;
        }
    });

    private static ActivityContext ParentOf(HttpRequest request) =>
        request.Headers.TraceParent is [{ } parent] && ActivityContext.TryParse(parent, null, isRemote: true, out ActivityContext context) ? context : default;

    // Anybody may call a method anything.
    private static string MethodOf(HttpRequest request) => request.Method is "GET" or "HEAD" or "POST" or "PUT" or "DELETE" ? request.Method : "_OTHER";

    private static HttpClient ClientOf(TraceSection section)
    {
        try
        {
            return OutsideHttp.Client(section.CaFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new BrokerConfigurationException($"traces.ca: {e.Message}");
        }
    }
}
