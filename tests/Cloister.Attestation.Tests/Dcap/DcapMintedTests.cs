using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>What verifies, and what it says: every format and every TCB status.</summary>
public sealed class DcapMintedTests
{
    public static TheoryData<string> CollateralStatuses => new(Enum.GetNames<TcbStatus>().Where(n => !n.StartsWith("TD", StringComparison.Ordinal)));

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Sgx_quotes_of_every_version(int version)
    {
        VerificationResult result = MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Version = (ushort)version, Padding = 70 });
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        SgxClaims claims = Assert.IsType<SgxClaims>(result.UnappraisedClaims);
        Assert.Equal(TcbStatus.UpToDate, claims.TcbStatus);
        Assert.Equal(7, claims.Report.IsvProdId);
        Assert.False(claims.Debug);
        Assert.Empty(claims.AdvisoryIds);
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(5, false)]
    [InlineData(5, true)]
    public void Tdx_quotes_of_every_version(int version, bool is15)
    {
        TdReportFields report = new() { TeeTcbSvn2 = is15 ? new byte[] { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } : default };
        VerificationResult result = MintedDcap.VerifyTdx(new DcapQuoteRequest { Version = (ushort)version, TeeType = 0x81, Body = report.Encode() });
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(is15, ((TdxClaims)result.UnappraisedClaims).Report.IsVersion15);
        Assert.Equal(is15, result.UnappraisedClaims.All.TryGet(ClaimNames.MrServiceTd, out _));
    }

    [Theory]
    [MemberData(nameof(CollateralStatuses))]
    public void Every_status_of_a_platform_is_reported(string status)
    {
        SimulatedTcbLevel level = new(new byte[16], 0, [], status, "INTEL-SA-00002", "INTEL-SA-00001", "INTEL-SA-00002");
        VerificationResult result = MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { Levels = [level] });
        Assert.Equal(status, result.UnappraisedClaims?.TcbStatus.ToString());
        Assert.Equal(["INTEL-SA-00001", "INTEL-SA-00002"], result.UnappraisedClaims!.AdvisoryIds);
    }

    [Fact]
    public void Tcb_info_version_2_is_for_sgx()
    {
        Assert.True(MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { TcbInfoVersion = 2 }).IsAuthentic);
        Assert.Equal("wrong_tee", MintedDcap.VerifyTdx(collateral: MintedDcap.TdxCollateral with { TcbInfoVersion = 2, Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "UpToDate")] }).Failure?.Code);
    }

    [Fact]
    public void A_chain_out_of_band_serves_a_quote_without_one()
    {
        DcapQuoteRequest quote = MintedDcap.SgxQuote with { CertificationDataType = 1 };
        Assert.True(MintedDcap.VerifySgx(quote, MintedDcap.SgxCollateral with { WithPckChain = true }).IsAuthentic);
        Assert.Equal("missing_chain", MintedDcap.VerifySgx(quote).Failure?.Code);
    }

    [Fact]
    public void A_platform_of_the_processor_ca()
    {
        using DcapPlatform platform = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { IssuedByPlatformCa = false, PlatformInstanceId = default });
        VerificationResult result = MintedDcap.VerifySgx(platform: platform);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.False(result.UnappraisedClaims.All.TryGet(ClaimNames.PlatformInstanceId, out _));
    }

    [Fact]
    public void Debug_is_a_claim()
    {
        Assert.True(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Body = new EnclaveReportFields { Flags = 0x07 }.Encode() }).UnappraisedClaims?.Debug);
        Assert.True(MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = new TdReportFields { TdAttributes = new byte[] { 1, 0, 0, 0, 0, 0, 0, 0 } }.Encode() }).UnappraisedClaims?.Debug);
        Assert.True(MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = new TdReportFields { TdAttributes = new byte[] { 0x80, 0, 0, 0, 0, 0, 0, 0 } }.Encode() }).UnappraisedClaims?.Debug);
    }

    [Fact]
    public void Qe_auth_data_may_be_empty_or_long()
    {
        Assert.True(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeAuthData = default }).IsAuthentic);
        Assert.True(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeAuthData = MintedDcap.Bytes(65535, 1) }).IsAuthentic);
    }

    [Fact]
    public void A_component_of_255_and_a_pcesvn_above_127()
    {
        using DcapPlatform platform = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { TcbComponents = MintedDcap.Bytes(16, 255), PceSvn = 40000 });
        VerificationResult result = MintedDcap.VerifySgx(platform: platform);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(40000, ((SgxClaims)result.UnappraisedClaims).Pck.PceSvn);
    }

    [Fact]
    public void An_exported_vendor_and_platform_are_the_same_again()
    {
        using DcapVendor vendor = DcapVendor.Import(MintedDcap.Vendor.Export());
        using DcapPlatform platform = DcapPlatform.Import(MintedDcap.Platform.Request, MintedDcap.Platform.Export());
        VerificationResult result = Verify.Dcap.DcapVerifier.Verify(
            Tee.Sgx, platform.QuoteSgx(new EnclaveReportFields()), vendor.NewCollateral(platform, MintedDcap.SgxCollateral), MintedDcap.Vendor.Anchors, VerificationTime.At(MintedDcap.Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }
}
