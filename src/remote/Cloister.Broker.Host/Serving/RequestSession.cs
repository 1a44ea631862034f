using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Serving;

/// <summary>The session of a request. secrets: a session id is a credential.</summary>
internal static class RequestSession
{
    /// <summary>The session of the cookie, or null.</summary>
    public static string? Session(this HttpRequest request) => request.Cookies.TryGetValue(KbsPaths.SessionCookie, out string? session) ? session : null;
}
