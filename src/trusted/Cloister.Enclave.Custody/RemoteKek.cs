using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Custody;

/// <summary>What a remote KMS says about its KEK. secrets: none.</summary>
/// <param name="Active">The version that writes use now.</param>
/// <param name="Known">Fingerprints of every version that it still opens, the active one among them.</param>
public sealed record RemoteKek(KeyFingerprint Active, IReadOnlySet<KeyFingerprint> Known);
