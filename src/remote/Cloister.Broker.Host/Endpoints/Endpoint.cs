using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>A route of docs/broker-protocol.md: reads the request, asks the service that knows, writes the answer. Refusals are exceptions.</summary>
/// <param name="method">HTTP method.</param>
/// <param name="path">Path or pattern.</param>
/// <param name="isKbs">Whether KBS clients expect it to answer errors with 401 and 404 alone.</param>
internal abstract class Endpoint(string method, string path, bool isKbs)
{
    /// <summary>HTTP method.</summary>
    public string Method { get; } = method;

    /// <summary>Path or pattern; its name in metrics and logs.</summary>
    public string Path { get; } = path;

    /// <summary>Whether it is a route of KBS, else one of ours.</summary>
    public bool IsKbs { get; } = isKbs;

    /// <summary>Answers.</summary>
    /// <exception cref="Serving.ProtocolException">The request is refused.</exception>
    public abstract Task ServeAsync(HttpContext http);
}
