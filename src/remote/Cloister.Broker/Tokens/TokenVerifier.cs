using System.Text.Json;

namespace Cloister.Broker.Tokens;

/// <summary>Checks tokens of this authority. Thread-safe.</summary>
/// <param name="authority">Has signed.</param>
/// <param name="audience">Whom they must be for, alone.</param>
/// <param name="clock">What time it is.</param>
public sealed class TokenVerifier(BrokerAuthority authority, string audience, TimeProvider clock)
{
    /// <summary>The token of an attestation; null when it is not one of ours, a lease's, or over. All look alike.</summary>
    public VerifiedToken? Verify(string token) => Verify(TokenIssuer.Type, token) is { Lease: null } verified ? verified : null;

    /// <summary>The token of a lease, and the lease; null when it is not one of ours, an attestation's, or over. All look alike.</summary>
    public (VerifiedToken Token, TokenLease Lease)? VerifyLease(string token) =>
        Verify(TokenIssuer.LeaseType, token) is { Lease: { } lease } verified ? (verified, lease) : null;

    private VerifiedToken? Verify(string type, string token)
    {
        if (authority.Verify(type, token) is not { } payload)
        {
            return null;
        }

        using JsonDocument document = JsonDocument.Parse(payload);
        JsonElement root = document.RootElement;
        if (!root.TryGetProperty("aud", out JsonElement named) || named.ValueKind != JsonValueKind.String || named.GetString() != audience)
        {
            return null;
        }

        DateTimeOffset expires = DateTimeOffset.FromUnixTimeSeconds(root.GetProperty("exp").GetInt64());
        if (expires <= clock.GetUtcNow())
        {
            return null;
        }

        JsonElement key = root.GetProperty("submods").GetProperty("cpu0").GetProperty("ear.veraison.annotated-evidence").GetProperty("runtime_data_claims").GetProperty("tee-pubkey");
        TokenLease? lease = root.TryGetProperty("cloister", out JsonElement claim)
            ? new TokenLease(
                Text(claim, "lease"), Text(claim, "instance"), Text(claim, "cluster"), Text(claim, "provider"), Text(claim, "kek"), Text(claim, "gateway"))
            : null;
        JsonElement subject = root.GetProperty("cloister-subject");
        return new VerifiedToken(
            key.Clone(), lease, expires,
            new TokenSubject(Text(subject, "measurement"), Texts(subject, "platforms"), Texts(subject, "policies"), Text(subject, "cluster"), Text(subject, "kek")));
    }

    private static string[] Texts(JsonElement claim, string name) => [.. claim.GetProperty(name).EnumerateArray().Select(text => text.GetString()!)];

    private static string Text(JsonElement claim, string name) => claim.GetProperty(name).GetString()!;
}
