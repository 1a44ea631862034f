using Cloister.AdminApi;
using Cloister.Broker.State;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>
/// Requests of administrators, whatever they are answered with: who calls is known before a handler runs, nothing that another site's page sent reaches one, and
/// whatever a handler throws becomes an error of the protocol. Thread-safe. secrets: none.
/// </summary>
/// <param name="identity">How who calls is known.</param>
public sealed class AdministratorRequests(IAdministratorIdentity identity)
{
    /// <summary>A handler that is reached by administrators only.</summary>
    /// <param name="handle">Answers an administrator.</param>
    /// <param name="refuse">Answers with a status and an error; no answer has begun then.</param>
    public RequestDelegate For(Func<HttpContext, Administrator, Task> handle, Func<HttpContext, int, AdminError, Task> refuse) => async http =>
    {
        Administrator? known = null;
        using IDisposable watching = identity.Watch(() =>
        {
            // What is sent slowly is not taken from somebody who is an administrator no more, or with other roles.
            if (known is not null && !identity.IsStill(http, known))
            {
                http.Abort();
            }
        });
        if ((known = await identity.FindAsync(http)) is not { } by)
        {
            if (!await identity.InviteAsync(http))
            {
                await CloseAsync(identity.Unknown);
            }

            return;
        }

        if (BrowserRequests.IsForeign(http.Request))
        {
            await RefuseAsync(StatusCodes.Status403Forbidden, AdminErrors.CrossSite, "another site's page sent this, not you: nothing was done");
            return;
        }

        try
        {
            await identity.RequireInTimeAsync(http, by);
            await handle(http, by);
        }
        catch (ExpiredAdministratorException e)
        {
            await CloseAsync(e.Message);
        }
        catch (AdministrationException e)
        {
            await FailAsync(e.Failure, e.Message);
        }
        catch (Exception e) when (e is BrokerStateException or KeyStoreException)
        {
            await FailAsync(AuditedActs.FailureOf(e), e.Message);
        }

        Task CloseAsync(string detail)
        {
            http.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            return RefuseAsync(StatusCodes.Status401Unauthorized, AdminErrors.Unauthenticated, detail);
        }

        Task FailAsync(AdministrationFailure failure, string detail)
        {
            (int status, string error) = failure switch
            {
                AdministrationFailure.BadRequest => (StatusCodes.Status400BadRequest, AdminErrors.BadRequest),
                AdministrationFailure.RoleRequired => (StatusCodes.Status403Forbidden, AdminErrors.RoleRequired),
                AdministrationFailure.NotFound => (StatusCodes.Status404NotFound, AdminErrors.NotFound),
                AdministrationFailure.Unavailable => (StatusCodes.Status503ServiceUnavailable, AdminErrors.Unavailable),
                _ => (StatusCodes.Status409Conflict, AdminErrors.Refused),
            };
            return RefuseAsync(status, error, detail);
        }

        async Task RefuseAsync(int status, string error, string detail)
        {
            if (http.Response.HasStarted)
            {
                // A stream that stops in the middle must not look whole.
                http.Abort();
                return;
            }

            http.Response.StatusCode = status;
            await refuse(http, status, new AdminError(error, detail));
        }
    };
}
