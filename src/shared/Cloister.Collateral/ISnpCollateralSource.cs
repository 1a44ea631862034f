using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>Where endorsements for SEV-SNP come from that a guest does not send. Nothing that a source gives is trusted for coming from it.</summary>
public interface ISnpCollateralSource
{
    /// <summary>What is here now, and for how long each part counts, by what it is for: <c>snp-milan</c>, <c>snp-CHIPID</c>. Asks nobody.</summary>
    IReadOnlyList<(string Model, CollateralItem Item)> Items { get; }

    /// <summary>Endorsement key, authorities and revocation lists for a report, as far as they are to be had.</summary>
    /// <param name="report">Parsed, not verified: anybody can make one up.</param>
    /// <param name="hasKey">The endorsement key came with the report and is not asked for.</param>
    /// <param name="requester">For whom: a source that answers few requests keeps some for those who are known.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="CollateralException">They cannot be had.</exception>
    Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken);
}
