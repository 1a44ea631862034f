using System.Diagnostics;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.Host.Metrics;
using Cloister.Broker.Host.Serving;
using Cloister.Broker.State;
using Cloister.Kbs;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Puts endpoints on a listener, and turns what they throw into the errors of the protocol.</summary>
internal sealed class EndpointMap(BrokerMetrics metrics, BrokerLog log)
{
    /// <summary>Maps them; every other path is answered with <c>InvalidRequestPath</c>.</summary>
    public void Map(IEndpointRouteBuilder routes, IEnumerable<Endpoint> endpoints)
    {
        foreach (Endpoint endpoint in endpoints)
        {
            routes.MapMethods(endpoint.Path, [endpoint.Method], http => ServeAsync(endpoint, http));
        }

        routes.MapFallback("{**path}", http =>
            RefuseAsync(http, Stopwatch.GetTimestamp(), "other", isKbs: true, new ProtocolException(ProtocolError.InvalidRequestPath, "there is no such route: compare with docs/broker-protocol.md")));
    }

    private static int StatusOf(ProtocolError error, bool isKbs) => (error, isKbs) switch
    {
        (ProtocolError.InvalidRequestPath, _) => StatusCodes.Status404NotFound,
        (_, true) => StatusCodes.Status401Unauthorized,
        (ProtocolError.BadRequest, _) => StatusCodes.Status400BadRequest,
        (ProtocolError.LeaseRevoked or ProtocolError.PolicyDeny, _) => StatusCodes.Status403Forbidden,
        (ProtocolError.KekNotFound, _) => StatusCodes.Status404NotFound,
        (ProtocolError.Busy, _) => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status401Unauthorized,
    };

    private async Task ServeAsync(Endpoint endpoint, HttpContext http)
    {
        ConnectionPlaces.Place? place = ConnectionPlaces.Of(http);
        place?.Begin();
        try
        {
            await AnswerAsync(endpoint, http);
        }
        finally
        {
            place?.End();
        }
    }

    private async Task AnswerAsync(Endpoint endpoint, HttpContext http)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            await endpoint.ServeAsync(http);
            metrics.Answered(endpoint.Path, "ok", Stopwatch.GetElapsedTime(began));
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            metrics.Answered(endpoint.Path, "gone", Stopwatch.GetElapsedTime(began));
        }
        catch (ProtocolException e)
        {
            await RefuseAsync(http, began, endpoint.Path, endpoint.IsKbs, e);
        }
        catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Unknown)
        {
            log.Unavailable(endpoint.Path, e.Message);
            await RefuseAsync(http, began, endpoint.Path, endpoint.IsKbs, KekDirectory.Unknown());
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.NotAuthentic)
        {
            log.Unavailable(endpoint.Path, e.Message);
            await RefuseAsync(
                http, began, endpoint.Path, endpoint.IsKbs, new ProtocolException(ProtocolError.Busy, "rows of the broker's database are not authentic: its log says which, and an operator has to restore them"));
        }
        catch (Exception e) when (e is BrokerStateException or KeyStoreException)
        {
            log.Unavailable(endpoint.Path, e.Message);
            await RefuseAsync(http, began, endpoint.Path, endpoint.IsKbs, new ProtocolException(ProtocolError.Busy, "the database or key store does not answer: try again later, or another broker"));
        }
        catch (Exception e)
        {
            log.Failed(endpoint.Path, e);
            await RefuseAsync(http, began, endpoint.Path, endpoint.IsKbs, new ProtocolException(ProtocolError.Busy, "the broker failed: its log says why"));
        }
    }

    private async Task RefuseAsync(HttpContext http, long began, string route, bool isKbs, ProtocolException refusal)
    {
        metrics.Answered(route, refusal.Error.ToString(), Stopwatch.GetElapsedTime(began));
        if (!http.Response.HasStarted)
        {
            if (refusal.Error == ProtocolError.Busy && HttpProtocol.IsHttp11(http.Request.Protocol))
            {
                http.Response.Headers.Connection = "close"; // what was not read of the body is not worth reading
            }

            await http.WriteAsync(new KbsError(KbsPaths.ErrorTypePrefix + refusal.Error, refusal.Message), KbsJson.Default.KbsError, StatusOf(refusal.Error, isKbs));
        }
    }
}
