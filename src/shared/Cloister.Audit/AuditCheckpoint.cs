namespace Cloister.Audit;

/// <summary>A signed statement that the log up to an entry was as its hash says. Without one, removing the newest entries is not found.</summary>
/// <param name="Seq">The last entry covered.</param>
/// <param name="Hash">That entry's hash, 32 bytes.</param>
/// <param name="Time">When it was signed, milliseconds since 1970.</param>
/// <param name="Signature">ECDSA P-256 with SHA-256 over <see cref="AuditEncoding.CheckpointMessage"/>, r and s, 64 bytes.</param>
public sealed record AuditCheckpoint(long Seq, byte[] Hash, long Time, byte[] Signature);
