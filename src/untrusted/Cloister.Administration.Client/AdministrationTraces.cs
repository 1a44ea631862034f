using System.Diagnostics;

namespace Cloister.Administration.Client;

/// <summary>Spans of calls to a broker, which is told of them, so that its own are in the same trace. They say the method and the status. secrets: none.</summary>
public static class AdministrationTraces
{
    /// <summary>Name of what makes them.</summary>
    public const string Name = "cloister-administration-client";

    private static readonly ActivitySource Source = new(Name);

    internal static Activity? Begin(HttpRequestMessage request)
    {
        Activity? span = Source.StartActivity($"{request.Method} administration", ActivityKind.Client);
        if (span?.Id is { } id)
        {
            span.SetTag("http.request.method", request.Method.Method);
            request.Headers.TryAddWithoutValidation("traceparent", id);
        }

        return span;
    }
}
