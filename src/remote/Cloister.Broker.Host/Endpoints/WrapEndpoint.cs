using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Wrap. secrets: keys arrive in clear; wiped when answered, but for copies the JSON reader and TLS make.</summary>
internal sealed class WrapEndpoint(CryptoService crypto, TokenGate tokens) : Endpoint(HttpMethods.Post, KbsPaths.Wrap, isKbs: false)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        (VerifiedToken token, TokenLease lease) = tokens.RequireLease(http.Request);
        CryptoRequest request = await http.ReadAsync(KbsJson.Default.CryptoRequest);
        try
        {
            await http.WriteAsync(await crypto.WrapAsync(token, lease, request, http.RequestAborted), KbsJson.Default.CryptoResponse);
        }
        finally
        {
            CryptoService.Wipe(request.Items);
        }
    }
}
