using System.Globalization;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Broker.State;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>
/// Maps routes: who calls is known before a handler runs, and whatever a handler throws becomes an error of the protocol.
/// </summary>
internal sealed class AdminRoutes(IEndpointRouteBuilder routes, AdministratorDirectory administrators, AdministratorKeys keys, TimeProvider time)
{
    internal void Get(string path, Func<AdminCall, Task> handle) => routes.MapGet(path, For(handle));

    internal void Post(string path, Func<AdminCall, Task> handle) => routes.MapPost(path, For(handle));

    internal void Put(string path, Func<AdminCall, Task> handle) => routes.MapPut(path, For(handle));

    internal void Delete(string path, Func<AdminCall, Task> handle) => routes.MapDelete(path, For(handle));

    /// <summary>Every other path.</summary>
    internal void Otherwise(string path) => routes.Map(path, For(_ => throw new AdministrationException("there is no such path", AdministrationFailure.NotFound)));

    private RequestDelegate For(Func<AdminCall, Task> handle) => async http =>
    {
        // The listener for administrators has asked for this already; these routes must be closed on any other one too, and to who was removed since.
        Administrator? known = null;
        using IDisposable watching = administrators.Watch(() =>
        {
            // What is sent slowly is not taken from somebody who is an administrator no more, or with other roles.
            if (known is not null && administrators.Find(http.Connection.ClientCertificate) != known)
            {
                http.Abort();
            }
        });
        if ((known = administrators.Find(http.Connection.ClientCertificate)) is not { } by)
        {
            await CloseAsync(http, "the connection shows no key of an administrator");
            return;
        }

        try
        {
            DateTimeOffset end = await keys.RequireAsync(by, http.Connection.ClientCertificate!, http.RequestAborted);
            if (end - time.GetUtcNow() < AdministratorKeys.Warning)
            {
                http.Response.Headers[AdminPaths.KeyExpiresHeader] = end.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            }

            await handle(new AdminCall(http, by));
        }
        catch (ExpiredAdministratorException e)
        {
            await CloseAsync(http, e.Message);
        }
        catch (AdministrationException e)
        {
            await RefuseAsync(http, e.Failure, e.Message);
        }
        catch (Exception e) when (e is BrokerStateException or KeyStoreException)
        {
            await RefuseAsync(http, AuditedActs.FailureOf(e), e.Message);
        }
    };

    private static Task CloseAsync(HttpContext http, string detail)
    {
        http.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        return RefuseAsync(http, StatusCodes.Status401Unauthorized, AdminErrors.Unauthenticated, detail);
    }

    private static Task RefuseAsync(HttpContext http, AdministrationFailure failure, string detail)
    {
        (int status, string error) = failure switch
        {
            AdministrationFailure.BadRequest => (StatusCodes.Status400BadRequest, AdminErrors.BadRequest),
            AdministrationFailure.RoleRequired => (StatusCodes.Status403Forbidden, AdminErrors.RoleRequired),
            AdministrationFailure.NotFound => (StatusCodes.Status404NotFound, AdminErrors.NotFound),
            AdministrationFailure.Unavailable => (StatusCodes.Status503ServiceUnavailable, AdminErrors.Unavailable),
            _ => (StatusCodes.Status409Conflict, AdminErrors.Refused),
        };
        return RefuseAsync(http, status, error, detail);
    }

    private static async Task RefuseAsync(HttpContext http, int status, string error, string detail)
    {
        if (http.Response.HasStarted)
        {
            // A stream that stops in the middle must not look whole.
            http.Abort();
            return;
        }

        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(http.Response.Body, new AdminError(error, detail), AdminJson.Default.AdminError, CancellationToken.None);
    }
}
