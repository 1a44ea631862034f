namespace Cloister.Broker.State.Revocations;

/// <summary>A revocation in force.</summary>
/// <param name="Kind">What is revoked.</param>
/// <param name="Value">Which: thumbprint, hex, or name.</param>
/// <param name="Reason">For people.</param>
/// <param name="At">Since when.</param>
/// <param name="By">Who revoked it.</param>
public sealed record Revocation(RevocationKind Kind, string Value, string Reason, DateTimeOffset At, string By);
