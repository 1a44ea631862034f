using Cloister.Attestation;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.Support;

/// <summary>An imitated Intel with one platform, and the verifier that trusts its root.</summary>
internal sealed class DcapMint
{
    internal static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly DcapVendor _vendor = DcapVendor.Create(Now.AddYears(-1));

    internal DcapMint()
    {
        Platform = _vendor.NewPlatform(new DcapPlatformRequest());
    }

    internal DcapPlatform Platform { get; }

    internal VerificationResult Verify(TeeKind tee, byte[] quote)
    {
        DcapCollateral collateral = _vendor.NewCollateral(Platform, new DcapCollateralRequest { Tee = tee, IssueDate = Now.AddDays(-10), NextUpdate = Now.AddDays(20) });
        return DcapVerifier.Verify(tee, quote, collateral, _vendor.Anchors, VerificationTime.At(Now));
    }
}
