using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Unwrap. secrets: keys are answered in clear; wiped afterwards, but for copies the JSON writer and TLS make.</summary>
internal sealed class UnwrapEndpoint(CryptoService crypto, TokenGate tokens) : Endpoint(HttpMethods.Post, KbsPaths.Unwrap, isKbs: false)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        (VerifiedToken token, TokenLease lease) = tokens.RequireLease(http.Request);
        CryptoResponse answer = await crypto.UnwrapAsync(token, lease, await http.ReadAsync(KbsJson.Default.CryptoRequest), http.RequestAborted);
        try
        {
            await http.WriteAsync(answer, KbsJson.Default.CryptoResponse);
        }
        finally
        {
            CryptoService.Wipe(answer.Items);
        }
    }
}
