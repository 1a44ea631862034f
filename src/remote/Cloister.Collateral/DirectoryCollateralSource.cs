using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>Collateral in directories called <c>tee-FMSPC-authority</c> (<c>sgx-00606A000000-platform</c>), or in the directory itself when there is no such one.</summary>
public sealed class DirectoryCollateralSource(string root) : IDcapCollateralSource
{
    /// <summary>The name of the directory for <paramref name="key"/>.</summary>
    public static string NameOf(DcapCollateralKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return $"{Attestation.TeeNames.NameOf(key.Tee)}-{key.Fmspc}-{key.AuthorityName}";
    }

    /// <inheritdoc />
    public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
    {
        string own = Path.Combine(root, NameOf(key));
        try
        {
            return Task.FromResult(CollateralDirectory.ReadDcap(Directory.Exists(own) ? own : root));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CollateralException("unreachable", e.Message, e);
        }
    }
}
