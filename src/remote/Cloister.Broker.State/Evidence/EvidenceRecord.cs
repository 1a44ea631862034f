namespace Cloister.Broker.State.Evidence;

/// <summary>Evidence that was presented, and what became of it. secrets: none; evidence is signed, not secret, but names platforms.</summary>
/// <param name="Accepted">Whether it was.</param>
/// <param name="Lease">The lease it began or renewed; empty if there was none.</param>
/// <param name="Instance">Thumbprint of the key it was presented for; empty if that could not be read.</param>
/// <param name="Tee">sgx, tdx, snp, nitro; empty if unknown.</param>
/// <param name="Reason">Why it was refused; empty if it was not.</param>
/// <param name="At">When it was presented.</param>
/// <param name="Body">As it was presented, at most 1 MiB.</param>
public sealed record EvidenceRecord(bool Accepted, string Lease, string Instance, string Tee, string Reason, DateTimeOffset At, byte[] Body);
