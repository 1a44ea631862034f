using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Simulated SGX and TDX evidence: one vendor for all tests, a platform and collateral that verify, and one thing changed at a time.</summary>
internal static class MintedDcap
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly DcapVendor Vendor = DcapVendor.Create(Now.AddYears(-1));

    public static readonly DcapPlatform Platform = Vendor.NewPlatform(new DcapPlatformRequest());

    public static readonly DcapCollateralRequest SgxCollateral = new() { Tee = Tee.Sgx, IssueDate = Now.AddDays(-10), NextUpdate = Now.AddDays(20) };

    public static readonly DcapCollateralRequest TdxCollateral = SgxCollateral with { Tee = Tee.Tdx };

    public static readonly DcapQuoteRequest SgxQuote = new() { Body = new EnclaveReportFields { MrEnclave = Bytes(32, 0xE1), MrSigner = Bytes(32, 0x51), IsvProdId = 7, IsvSvn = 3 }.Encode() };

    public static readonly DcapQuoteRequest TdxQuote = new() { Version = 4, TeeType = 0x81, Body = new TdReportFields { MrTd = Bytes(48, 0x7D) }.Encode() };

    public static byte[] Bytes(int length, byte value) => [.. Enumerable.Repeat(value, length)];

    public static VerificationResult VerifySgx(
        DcapQuoteRequest? quote = null, DcapCollateralRequest? collateral = null, DcapPlatform? platform = null, DateTimeOffset? at = null) =>
        Verify(Tee.Sgx, quote ?? SgxQuote, collateral ?? SgxCollateral, platform ?? Platform, at ?? Now);

    public static VerificationResult VerifyTdx(
        DcapQuoteRequest? quote = null, DcapCollateralRequest? collateral = null, DcapPlatform? platform = null, DateTimeOffset? at = null) =>
        Verify(Tee.Tdx, quote ?? TdxQuote, collateral ?? TdxCollateral, platform ?? Platform, at ?? Now);

    public static DcapQuoteRequest Tdx15(TdReportFields report) => new() { Version = 5, TeeType = 0x81, Body = report.Encode() };

    private static VerificationResult Verify(Tee tee, DcapQuoteRequest quote, DcapCollateralRequest collateral, DcapPlatform platform, DateTimeOffset at)
    {
        VerificationResult cold = DcapVerifier.Verify(tee, platform.Quote(quote), Vendor.NewCollateral(platform, collateral), Vendor.Anchors, VerificationTime.At(at));

        // Collateral verified before must lead to the same answer, whenever it verifies at all.
        VerifiedDcapCollateral? verified = DcapVerifier.VerifyCollateral(Vendor.NewCollateral(platform, collateral), Vendor.Anchors, VerificationTime.At(at), out StepFailure? failure);
        Assert.NotEqual(verified is null, failure is null);
        if (verified is not null)
        {
            VerificationResult warm = DcapVerifier.Verify(tee, platform.Quote(quote), verified, VerificationTime.At(at));
            Assert.Equal(cold.Failure?.Step, warm.Failure?.Step);
            Assert.Equal(cold.UnappraisedClaims?.TcbStatus, warm.UnappraisedClaims?.TcbStatus);
        }
        else
        {
            Assert.False(cold.IsAuthentic);
        }

        return cold;
    }
}
