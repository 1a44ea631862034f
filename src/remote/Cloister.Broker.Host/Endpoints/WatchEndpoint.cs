using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Watch.</summary>
internal sealed class WatchEndpoint(WatchService watches, TokenGate tokens) : Endpoint(HttpMethods.Post, KbsPaths.Watch, isKbs: false)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        (VerifiedToken token, TokenLease lease) = tokens.RequireLease(http.Request);
        WatchRequest request = await http.ReadAsync(KbsJson.Default.WatchRequest);
        await http.WriteAsync(await watches.WaitAsync(token, lease, request, http.RequestAborted), KbsJson.Default.WatchResponse);
    }
}
