using Cloister.Attestation.Abi;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>
/// Collateral in directories called <c>tee-FMSPC-authority</c> (<c>sgx-00606A000000-platform</c>), or in the directory itself when there is no such one. In each,
/// <c>early</c> may have that of an evaluation that does not count yet.
/// </summary>
/// <param name="root">The directory.</param>
/// <param name="early">Whether early collateral is wanted.</param>
public sealed class DirectoryCollateralSource(string root, bool early = false) : IDcapCollateralSource
{
    /// <summary>The directory of early collateral, in a model's.</summary>
    public const string EarlyName = "early";

    private const int MostReads = 3;

    /// <summary>The name of the directory for <paramref name="key"/>.</summary>
    public static string NameOf(DcapCollateralKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return $"{Attestation.TeeNames.NameOf(key.Tee)}-{key.Fmspc}-{key.AuthorityName}";
    }

    /// <summary>The model of a directory's name, or null.</summary>
    public static DcapCollateralKey? ModelOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Split('-') is [string tee, { Length: 12 } fmspc, "platform" or "processor"] parts
            && Attestation.TeeNames.TryParse(tee, out Attestation.Tee known) && known is Attestation.Tee.Sgx or Attestation.Tee.Tdx && fmspc.All(char.IsAsciiHexDigit)
                ? new DcapCollateralKey(known, fmspc.ToUpperInvariant(), parts[2] == "platform")
                : null;
    }

    /// <inheritdoc />
    public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
    {
        string own = Path.Combine(root, NameOf(key));
        string directory = Directory.Exists(own) ? own : root;
        if (early && !Directory.Exists(directory = Path.Combine(directory, EarlyName)))
        {
            throw new CollateralException("absent", $"'{directory}' is not there: there is no early collateral for this model");
        }

        try
        {
            return Task.FromResult(ReadWhole(directory));
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

    // A directory may be replaced while it is read: what is half of one and half of another does not verify.
    private static DcapCollateral ReadWhole(string directory)
    {
        for (int reads = 1; ; reads++)
        {
            DateTime before = Directory.GetLastWriteTimeUtc(directory);
            try
            {
                DcapCollateral read = CollateralDirectory.ReadDcap(directory);
                if (reads == MostReads || Directory.GetLastWriteTimeUtc(directory) == before)
                {
                    return read;
                }
            }
            catch (IOException) when (reads < MostReads && Directory.GetLastWriteTimeUtc(directory) != before)
            {
                // It was another directory's file.
            }
        }
    }
}
