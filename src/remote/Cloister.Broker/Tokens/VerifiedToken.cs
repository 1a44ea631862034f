using System.Text.Json;
using Cloister.Release;

namespace Cloister.Broker.Tokens;

/// <summary>A token that is ours and holds.</summary>
/// <param name="AttestedKey">The attested key, a JWK.</param>
/// <param name="Lease">The lease it belongs to, or null.</param>
/// <param name="Expires">Its end.</param>
/// <param name="Subject">Whose it is.</param>
public sealed record VerifiedToken(JsonElement AttestedKey, TokenLease? Lease, DateTimeOffset Expires, TokenSubject Subject)
{
    private readonly Lazy<TeePublicKey> _key = new(() => TeePublicKey.Parse(AttestedKey));

    /// <summary>The attested key, which answers are encrypted to. Read when it is asked for: that costs as much as a signature.</summary>
    public TeePublicKey Key => _key.Value;
}
