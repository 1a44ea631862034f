using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>A lease of an enclave.</summary>
/// <param name="Lease">32 hex.</param>
/// <param name="Instance">Thumbprint of the enclave's key: one life of one enclave.</param>
/// <param name="Cluster">Cluster.</param>
/// <param name="Provider">Name of the KMS provider.</param>
/// <param name="Kek">Name of the KEK.</param>
/// <param name="Tee">sgx, tdx, snp, nitro.</param>
/// <param name="Measurement">What was measured, hex.</param>
/// <param name="Platform">The platform, hex; empty if unknown.</param>
/// <param name="ConfigDigest">SHA-384 of the enclave's configuration, hex.</param>
/// <param name="Policy">The policy that accepted it.</param>
/// <param name="FirstAt">When it began.</param>
/// <param name="RenewedAt">When it was last renewed.</param>
/// <param name="Until">When it ends.</param>
/// <param name="Renewals">How often it was renewed.</param>
/// <param name="Wraps">Encryptions in all.</param>
/// <param name="Unwraps">Decryptions in all.</param>
/// <param name="Revoked">Which revocation is on it: instance, measurement, platform or kek; empty: none.</param>
public sealed record EnclaveLease(
    string Lease, string Instance, string Cluster, string Provider, string Kek, string Tee, string Measurement, string Platform, string ConfigDigest, string Policy,
    DateTimeOffset FirstAt, DateTimeOffset RenewedAt, DateTimeOffset Until, long Renewals, long Wraps, long Unwraps, string Revoked)
{
    /// <summary>Roots besides the vendors' that it may rest on, SHA-256 in hex: a simulated TEE. Empty: none.</summary>
    public IReadOnlyList<string> OtherRoots { get; init; } = [];
}

/// <summary>Leases, the last renewed first.</summary>
public sealed record EnclaveList(IReadOnlyList<EnclaveLease> Enclaves);

/// <summary>A revocation in force.</summary>
/// <param name="Kind">instance, measurement, platform or kek.</param>
/// <param name="Value">Thumbprint, hex, or name.</param>
/// <param name="Reason">For people.</param>
/// <param name="At">Since when.</param>
/// <param name="By">Who revoked.</param>
public sealed record RevocationEntry(string Kind, string Value, string Reason, DateTimeOffset At, string By);

/// <summary>Every revocation in force.</summary>
public sealed record RevocationList(IReadOnlyList<RevocationEntry> Revocations);

/// <summary>Revokes.</summary>
/// <param name="Kind">instance, measurement, platform or kek.</param>
/// <param name="Value">Thumbprint, hex, or name.</param>
/// <param name="Reason">For people; required.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RevokeRequest(string Kind, string Value, string Reason);

/// <summary>Takes a revocation back.</summary>
/// <param name="Kind">instance, measurement, platform or kek.</param>
/// <param name="Value">Thumbprint, hex, or name.</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record LiftRequest(string Kind, string Value, string? Approve = null);

/// <summary>Whether something was changed; false: it was so already.</summary>
public sealed record ChangeResult(bool Changed);
