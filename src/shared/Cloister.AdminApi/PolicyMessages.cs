using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>A version of a policy.</summary>
/// <param name="Name">The policy's name.</param>
/// <param name="Version">From 1.</param>
/// <param name="Yaml">Its text, as it was set.</param>
/// <param name="Digest">SHA-256 of the text, hex.</param>
/// <param name="UpdatedAt">When it was set.</param>
/// <param name="UpdatedBy">Who set it.</param>
public sealed record PolicyDocument(string Name, int Version, string Yaml, string Digest, DateTimeOffset UpdatedAt, string UpdatedBy)
{
    /// <summary>Roots besides the vendors' that it trusts, SHA-256 in hex: simulated TEEs may get its KEKs. Empty: none.</summary>
    public IReadOnlyList<string> OtherRoots { get; init; } = [];
}

/// <summary>Policies.</summary>
public sealed record PolicyList(IReadOnlyList<PolicyDocument> Policies);

/// <summary>Puts a policy in force.</summary>
/// <param name="Yaml">A ReleasePolicy, at most 1 MiB.</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetPolicyRequest(string Yaml, string? Approve = null);

/// <summary>Asks what a policy would refuse of the evidence that was kept.</summary>
/// <param name="Yaml">The policy; it need not be in force.</param>
/// <param name="From">Evidence that was presented from then on.</param>
/// <param name="To">Evidence that was presented before.</param>
/// <param name="Cluster">Only evidence that states this cluster; null: all.</param>
/// <param name="Kek">Only evidence that asks for this KEK; null: all.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DryRunRequest(string Yaml, DateTimeOffset From, DateTimeOffset To, string? Cluster = null, string? Kek = null);

/// <summary>What a policy would have said.</summary>
/// <param name="Accepted">How much it accepts.</param>
/// <param name="Refused">How much it refuses.</param>
/// <param name="Truncated">Whether there is more evidence in that time than is looked at in one run.</param>
/// <param name="Verdicts">The oldest first: what is refused, and what was refused then and is accepted now.</param>
public sealed record DryRunResult(int Accepted, int Refused, bool Truncated, IReadOnlyList<DryRunVerdict> Verdicts);

/// <summary>What a policy says of one piece of evidence.</summary>
/// <param name="At">When it was presented.</param>
/// <param name="Lease">The lease it was for; empty if there was none.</param>
/// <param name="Instance">Thumbprint of the enclave's key.</param>
/// <param name="Tee">sgx, tdx, snp, nitro.</param>
/// <param name="Cluster">The cluster it states; empty if it states none.</param>
/// <param name="Kek">The KEK it asks for; empty if it states none.</param>
/// <param name="WasAccepted">What was said then.</param>
/// <param name="Accepted">What this policy says.</param>
/// <param name="Step">The first step that fails; empty when accepted.</param>
/// <param name="Detail">Why; empty when accepted.</param>
public sealed record DryRunVerdict(
    DateTimeOffset At, string Lease, string Instance, string Tee, string Cluster, string Kek, bool WasAccepted, bool Accepted, string Step, string Detail);
