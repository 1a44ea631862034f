using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>Endorsements in directories called <c>snp-</c> and the chip id in hex, or in <c>snp</c> when there is no such one. Neither there: none.</summary>
public sealed class DirectorySnpSource(string root) : ISnpCollateralSource
{
    /// <inheritdoc />
    public Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        string own = Path.Combine(root, $"snp-{Convert.ToHexStringLower(report.ChipId)}");
        string directory = Directory.Exists(own) ? own : Path.Combine(root, "snp");
        try
        {
            return Task.FromResult(Directory.Exists(directory) ? CollateralDirectory.ReadSnp(directory) : SnpCollateral.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CollateralException("unreachable", e.Message, e);
        }
        catch (EvidenceFormatException e)
        {
            throw new CollateralException("malformed", e.Message, e);
        }
    }
}
