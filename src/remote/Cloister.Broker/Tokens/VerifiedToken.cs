using Cloister.Release;

namespace Cloister.Broker.Tokens;

/// <summary>A token that is ours and holds.</summary>
/// <param name="Key">The attested key, which answers are encrypted to.</param>
/// <param name="Lease">The lease it belongs to, or null.</param>
/// <param name="Expires">Its end.</param>
/// <param name="Subject">Whose it is.</param>
public sealed record VerifiedToken(TeePublicKey Key, TokenLease? Lease, DateTimeOffset Expires, TokenSubject Subject);
