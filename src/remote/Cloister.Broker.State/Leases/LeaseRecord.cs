namespace Cloister.Broker.State.Leases;

/// <summary>A lease as of its last renewal.</summary>
/// <param name="Id">32 hex digits.</param>
/// <param name="Instance">Thumbprint of the attested key.</param>
/// <param name="Cluster">The cluster.</param>
/// <param name="Provider">The KMS provider's name.</param>
/// <param name="Kek">The KEK's name.</param>
/// <param name="Tee">sgx, tdx, snp, nitro.</param>
/// <param name="Measurement">What was measured, hex.</param>
/// <param name="Platform">The platform's identity, hex; empty if unknown.</param>
/// <param name="ConfigDigest">Of the enclave's configuration, hex.</param>
/// <param name="Policy">The policy that accepted it.</param>
/// <param name="FirstAt">When it began.</param>
/// <param name="RenewedAt">When it was last renewed.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="Renewals">0 at first; counted by the state.</param>
/// <param name="Wraps">Encryptions in all; counted by <see cref="LeaseGrant.Uses"/>.</param>
/// <param name="Unwraps">Decryptions in all.</param>
public sealed record LeaseRecord(
    string Id, string Instance, string Cluster, string Provider, string Kek, string Tee, string Measurement, string Platform, string ConfigDigest,
    string Policy, DateTimeOffset FirstAt, DateTimeOffset RenewedAt, DateTimeOffset ExpiresAt, long Renewals, long Wraps, long Unwraps)
{
    /// <summary>How many items <see cref="ILeaseRegistry.TryUseAsync"/> may wrap between renewals.</summary>
    public long WrapsAllowed { get; init; }

    /// <summary>How many items it may unwrap between renewals.</summary>
    public long UnwrapsAllowed { get; init; }

    /// <summary>Roots besides the vendors' that it may rest on: SHA-256 in hex, with spaces between; empty: none.</summary>
    public string OtherRoots { get; init; } = "";
}
