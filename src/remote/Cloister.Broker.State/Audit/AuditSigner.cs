namespace Cloister.Broker.State.Audit;

/// <summary>Signs a checkpoint's message: ECDSA P-256 with SHA-256, r and s, 64 bytes. secrets: holds the signing key; must not leave it anywhere.</summary>
/// <param name="message">The bytes to hash and sign.</param>
public delegate byte[] AuditSigner(ReadOnlySpan<byte> message);
