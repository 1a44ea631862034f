namespace Cloister.Broker.Policies;

/// <summary>What a policy lets a lease be.</summary>
/// <param name="Duration">From issue to end, 10 s to 24 h.</param>
/// <param name="Grace">How long reads go on after the end, at most 24 h.</param>
/// <param name="Wraps">Encryptions between renewals.</param>
/// <param name="Unwraps">Decryptions between renewals.</param>
public sealed record LeaseAllowance(TimeSpan Duration, TimeSpan Grace, long Wraps, long Unwraps);
