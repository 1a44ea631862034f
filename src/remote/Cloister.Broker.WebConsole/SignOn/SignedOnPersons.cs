using System.Security.Claims;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.WebConsole.SignOn;

/// <summary>People by their session. secrets: names of sessions.</summary>
internal sealed class SignedOnPersons(SignOnSessions sessions, Action<string> failed) : IAdministratorIdentity
{
    public string Unknown => "you have not signed on, or your session has ended: open /console/";

    public async Task<Administrator?> FindAsync(HttpContext http) =>
        (await http.AuthenticateAsync(SignOnConsole.Session)).Principal is { } session && sessions.Has(IdOf(session)) ? SignOnSessions.PersonOf(session) : null;

    // The request that signs off is answered.
    public bool IsStill(HttpContext http, Administrator known) => sessions.Has(HolderOf(http)) || http.Request.Path == SignOnConsole.SignOff;

    public IDisposable Watch(Action changed) => sessions.Watch(changed);

    // A session that has ended is not found.
    public Task RequireInTimeAsync(HttpContext http, Administrator known) => Task.CompletedTask;

    /// <summary>Sends a browser that was to show a page to the provider, and nothing else.</summary>
    public async Task<bool> InviteAsync(HttpContext http)
    {
        HttpRequest request = http.Request;
        if (!HttpMethods.IsGet(request.Method) || BrowserRequests.IsForeign(request) || request.Headers["Sec-Fetch-Dest"].ToString() is not ("" or "document"))
        {
            return false;
        }

        try
        {
            await http.ChallengeAsync(SignOnConsole.Provider, new AuthenticationProperties { RedirectUri = request.Path + request.QueryString });
        }
        catch (Exception e) when (e is not OperationCanceledException && !http.Response.HasStarted)
        {
            // Whatever it was, the provider's answer is what it was about.
            failed($"{e.GetType().Name}: {e.Message}");
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            await ConsoleRoutes.RefuseAsync(http, http.Response.StatusCode, new AdminError(
                AdminErrors.Unavailable, "the OpenID provider does not answer, or not as it should: the broker's log says why. An administrator's certificate does not need it"));
        }

        return true;
    }

    public string HolderOf(HttpContext http) => http.User is { } user && user.FindFirst(SignOnSessions.SessionClaim) is { } session ? session.Value : "";

    private static string IdOf(ClaimsPrincipal session) => session.FindFirstValue(SignOnSessions.SessionClaim) ?? "";
}
