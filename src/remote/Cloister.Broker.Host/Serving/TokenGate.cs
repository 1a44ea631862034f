using Cloister.Broker.State.Sessions;
using Cloister.Broker.Tokens;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Serving;

/// <summary>Takes tokens from requests. Thread-safe. secrets: tokens and session ids pass.</summary>
internal sealed class TokenGate(TokenVerifier verifier, ISessionRegistry sessions)
{
    private const string Scheme = "Bearer ";

    /// <summary>The bearer token of a lease, and the lease.</summary>
    /// <exception cref="ProtocolException">None, not ours, over, or of no lease.</exception>
    public (VerifiedToken Token, TokenLease Lease) RequireLease(HttpRequest request) => verifier.VerifyLease(Bearer(request) ?? throw None()) ?? throw NotOurs();

    /// <summary>The bearer token of a lease, and the lease; or null: none is shown, or none that is ours and holds.</summary>
    public (VerifiedToken Token, TokenLease Lease)? FindLease(HttpRequest request) => Bearer(request) is { } token ? verifier.VerifyLease(token) : null;

    /// <summary>The bearer token of an attestation, or the one that the session of the cookie has got.</summary>
    /// <exception cref="ProtocolException">None, not ours, over, or of a lease.</exception>
    public async Task<VerifiedToken> RequireAsync(HttpRequest request, CancellationToken cancellation)
    {
        string? token = Bearer(request);
        if (token is null && request.Session() is { } session)
        {
            token = await sessions.FindSessionTokenAsync(session, cancellation);
        }

        return verifier.Verify(token ?? throw None()) ?? throw NotOurs();
    }

    private static string? Bearer(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
    }

    private static ProtocolException None() => new(ProtocolError.TokenNotFound, "no bearer token and no attested session: attest first");

    private static ProtocolException NotOurs() => new(ProtocolError.TokenVerifierError, "the token is not one of this authority for this, or is over: renew the lease, or attest again");
}
