using System.Text.Json;
using Cloister.Release;

namespace Cloister.Broker.Tokens;

/// <summary>Checks tokens of this authority. Thread-safe.</summary>
public sealed class TokenVerifier(BrokerAuthority authority, TimeProvider clock)
{
    /// <summary>The token; null when it is not one of ours, or over. Both look alike.</summary>
    public VerifiedToken? Verify(string token)
    {
        if (authority.Verify(TokenIssuer.Type, token) is not { } payload)
        {
            return null;
        }

        using JsonDocument document = JsonDocument.Parse(payload);
        JsonElement root = document.RootElement;
        DateTimeOffset expires = DateTimeOffset.FromUnixTimeSeconds(root.GetProperty("exp").GetInt64());
        if (expires <= clock.GetUtcNow())
        {
            return null;
        }

        JsonElement key = root.GetProperty("submods").GetProperty("cpu0").GetProperty("ear.veraison.annotated-evidence").GetProperty("runtime_data_claims").GetProperty("tee-pubkey");
        TokenLease? lease = root.TryGetProperty("cloister", out JsonElement claim)
            ? new TokenLease(Text(claim, "lease"), Text(claim, "instance"), Text(claim, "cluster"), Text(claim, "kek"))
            : null;
        JsonElement subject = root.GetProperty("cloister-subject");
        return new VerifiedToken(
            TeePublicKey.Parse(key), lease, expires, new TokenSubject(Text(subject, "measurement"), Texts(subject, "platforms"), Texts(subject, "policies")));
    }

    private static string[] Texts(JsonElement claim, string name) => [.. claim.GetProperty(name).EnumerateArray().Select(text => text.GetString()!)];

    private static string Text(JsonElement claim, string name) => claim.GetProperty(name).GetString()!;
}
