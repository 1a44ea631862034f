using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>
/// Endorsements in directories called <c>snp-</c> and the chip id in hex, or else <c>snp-milan</c>, <c>snp-genoa</c> or <c>snp-turin</c> as the report's processor
/// is, or else <c>snp</c>. None of them there: none.
/// </summary>
public sealed class DirectorySnpSource(string root) : ISnpCollateralSource
{
    /// <inheritdoc />
    public IReadOnlyList<(string Model, CollateralItem Item)> Items => Directory.Exists(root)
        ? [.. Directory.GetDirectories(root, "snp*").Order(StringComparer.Ordinal).SelectMany(directory => ItemsOf(directory).Select(item => (Path.GetFileName(directory), item)))]
        : [];

    /// <summary>The name of the directory for a product line.</summary>
    public static string NameOf(SnpProductLine product) => $"snp-{SnpProductNames.NameOf(product).ToLowerInvariant()}";

    /// <summary>The name of the directory for the chip that made a report.</summary>
    public static string NameOf(SnpReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return $"snp-{Convert.ToHexStringLower(report.ChipId)}";
    }

    /// <inheritdoc />
    public Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken)
    {
        string[] names = [NameOf(report), .. KdsSnpSource.ProductsOf(report).Select(NameOf), "snp"];
        string? directory = names.Select(name => Path.Combine(root, name)).FirstOrDefault(Directory.Exists);
        try
        {
            return Task.FromResult(directory is null ? SnpCollateral.None : CollateralDirectory.ReadSnp(directory));
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

    // What cannot be read ends at once, so that it is seen.
    private static IReadOnlyList<CollateralItem> ItemsOf(string directory)
    {
        try
        {
            SnpCollateral read = CollateralDirectory.ReadSnp(directory);
            return
            [
                .. read.EndorsementKeys.Select(key => CollateralItem.Of(key.CommonName == "SEV-VLEK" ? "vlek" : "vcek", [key])),
                .. read.Authorities.Count > 0 ? [CollateralItem.Of("ca_chain", read.Authorities)] : (CollateralItem[])[],
                .. read.RevocationLists.Select(list => CollateralItem.Of("crl", list)),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or EvidenceFormatException)
        {
            return [new CollateralItem("unreadable", DateTimeOffset.MinValue, DateTimeOffset.MinValue)];
        }
    }
}
