using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>Where collateral for SGX and TDX comes from. Nothing that a source gives is believed before it is verified.</summary>
public interface IDcapCollateralSource
{
    /// <summary>The collateral for a platform model.</summary>
    /// <exception cref="CollateralException">It cannot be had.</exception>
    Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken);
}
