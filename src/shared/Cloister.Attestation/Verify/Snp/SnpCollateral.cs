using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Endorsements for a report that do not come with it. Nothing here is trusted for being here: it counts as far as the chain to a
/// pinned root carries. What is left out is taken from the evidence's certificate table.
/// </summary>
public sealed class SnpCollateral
{
    /// <summary>No endorsements beside those in the evidence.</summary>
    public static SnpCollateral None { get; } = new();

    /// <summary>Certificates of endorsement keys, VCEK or VLEK. The one whose kind the report names is used.</summary>
    public IReadOnlyList<Certificate> EndorsementKeys { get; init; } = [];

    /// <summary>ARK with ASK or ASVK or both, in any order: which one is needed follows from the report.</summary>
    public IReadOnlyList<Certificate> Authorities { get; init; } = [];

    /// <summary>Revocation lists signed by the ARK. Empty: revocation is not looked at.</summary>
    public IReadOnlyList<RevocationList> RevocationLists { get; init; } = [];
}
