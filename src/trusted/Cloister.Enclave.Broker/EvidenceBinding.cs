namespace Cloister.Enclave.Broker;

/// <summary>What evidence is to cover. secrets: none.</summary>
/// <param name="ReportData">64 bytes: the digest of everything. Every TEE covers it.</param>
/// <param name="Nonce">The relying party's challenge as it wrote it, for TEEs whose evidence has a place for it (Nitro).</param>
/// <param name="PublicKey">The attested key, SubjectPublicKeyInfo in DER, for TEEs whose evidence has a place for it (Nitro).</param>
public sealed record EvidenceBinding(ReadOnlyMemory<byte> ReportData, ReadOnlyMemory<byte> Nonce, ReadOnlyMemory<byte> PublicKey);
