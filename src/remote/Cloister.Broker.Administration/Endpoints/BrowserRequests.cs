using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>
/// What a browser says of where a request comes from. A browser shows an administrator's certificate whoever's page sent the request, so what another site's page
/// sent is nobody's. Programs that are no browsers say nothing of it. Source: Fetch Metadata Request Headers; Fetch, "Origin".
/// </summary>
public static class BrowserRequests
{
    private const string Self = "same-origin";

    /// <summary>Whether another site's page sent it. A link that somebody followed to a page of its own is not that.</summary>
    public static bool IsForeign(HttpRequest request)
    {
        string site = request.Headers["Sec-Fetch-Site"].ToString();
        bool reads = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);
        return site switch
        {
            "" or Self => !reads && request.Headers.Origin.Count > 0 && !IsOwn(request),
            "none" => !reads,
            _ => !reads || request.Headers["Sec-Fetch-Mode"] != "navigate" || request.Headers["Sec-Fetch-Dest"] != "document",
        };
    }

    /// <summary>Whether a browser says that a page of this very origin sent it.</summary>
    public static bool IsSameOrigin(HttpRequest request) => !IsForeign(request) && (request.Headers["Sec-Fetch-Site"] == Self || IsOwn(request));

    private static bool IsOwn(HttpRequest request) =>
        request.Headers.Origin is { Count: 1 } origin && string.Equals(origin, $"https://{request.Host}", StringComparison.OrdinalIgnoreCase);
}
