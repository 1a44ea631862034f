using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Level selection, convergence and relaunch advice as Intel's quote verification library does them.</summary>
public sealed class DcapTcbTests
{
    private static readonly byte[] Platform = MintedDcap.Platform.Request.TcbComponents.ToArray();
    private static readonly byte[] LatestTdx = [9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] OldTdx = [5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    [Theory]
    [InlineData("UpToDate", 4, "OutOfDate")]
    [InlineData("SWHardeningNeeded", 4, "OutOfDate")]
    [InlineData("ConfigurationNeeded", 4, "OutOfDateConfigurationNeeded")]
    [InlineData("ConfigurationAndSWHardeningNeeded", 4, "OutOfDateConfigurationNeeded")]
    [InlineData("OutOfDate", 4, "OutOfDate")]
    [InlineData("OutOfDateConfigurationNeeded", 4, "OutOfDateConfigurationNeeded")]
    [InlineData("Revoked", 4, "Revoked")]
    [InlineData("UpToDate", 2, "Revoked")]
    [InlineData("OutOfDateConfigurationNeeded", 3, "Revoked")]
    [InlineData("UpToDate", 9, "UpToDate")]
    public void The_quoting_enclave_converges(string platform, int qeIsvSvn, string expected)
    {
        DcapQuoteRequest quote = MintedDcap.SgxQuote with { QeReport = MintedDcap.SgxQuote.QeReport with { IsvSvn = (ushort)qeIsvSvn } };
        VerificationResult result = MintedDcap.VerifySgx(quote, MintedDcap.SgxCollateral with { Levels = [new SimulatedTcbLevel(new byte[16], 0, [], platform, "INTEL-SA-00001")] });
        Assert.Equal(expected, result.UnappraisedClaims?.TcbStatus.ToString());
        Assert.Equal(qeIsvSvn == 4, result.UnappraisedClaims!.AdvisoryIds.Contains("INTEL-SA-09001"));
    }

    [Theory]
    [InlineData("UpToDate", 3, "OutOfDate")]
    [InlineData("ConfigurationNeeded", 4, "OutOfDateConfigurationNeeded")]
    [InlineData("UpToDate", 5, "UpToDate")]
    public void The_tdx_module_converges(string platform, int moduleIsvSvn, string expected)
    {
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with { Levels = [new SimulatedTcbLevel(new byte[16], 0, new byte[16], platform)] };
        VerificationResult result = MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = new TdReportFields { TeeTcbSvn = Svn(moduleIsvSvn, 1, 2) }.Encode() }, collateral);
        Assert.Equal(expected, result.UnappraisedClaims?.TcbStatus.ToString());
        Assert.Equal(moduleIsvSvn < 5 ? ["INTEL-SA-09003"] : [], result.UnappraisedClaims!.AdvisoryIds);
    }

    [Fact]
    public void The_status_is_that_of_the_matched_level_not_of_the_best()
    {
        byte[] higher = [.. Platform];
        higher[0]++;
        DcapCollateralRequest collateral = MintedDcap.SgxCollateral with
        {
            Levels = [new(higher, 13, [], "UpToDate"), new(Platform, 14, [], "ConfigurationNeeded"), new(Platform, 13, [], "SWHardeningNeeded"), new(new byte[16], 0, [], "OutOfDate")],
        };
        Assert.Equal(TcbStatus.SWHardeningNeeded, MintedDcap.VerifySgx(collateral: collateral).UnappraisedClaims?.TcbStatus);
    }

    [Fact]
    public void The_order_of_levels_in_the_json_is_not_trusted()
    {
        DcapCollateralRequest collateral = MintedDcap.SgxCollateral with { Levels = [new(new byte[16], 0, [], "OutOfDate"), new(Platform, 13, [], "UpToDate")] };
        Assert.Equal(TcbStatus.UpToDate, MintedDcap.VerifySgx(collateral: collateral).UnappraisedClaims?.TcbStatus);

        DcapCollateralRequest tdx = MintedDcap.TdxCollateral with
        {
            Levels = [new(Platform, 13, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "OutOfDate"), new(Platform, 13, OldTdx, "UpToDate")],
            TdxModules = [new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(2, "OutOfDate"), new SimulatedIsvSvnLevel(5, "UpToDate"))],
        };
        Assert.Equal(TcbStatus.UpToDate, MintedDcap.VerifyTdx(collateral: tdx).UnappraisedClaims?.TcbStatus);
    }

    [Fact]
    public void With_a_module_version_components_0_and_1_belong_to_the_module()
    {
        // The level asks for module SVN 9, the module has 5: counts with version 0 only.
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with { Levels = [new(Platform, 13, [9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "UpToDate")] };
        Assert.Equal(TcbStatus.UpToDate, MintedDcap.VerifyTdx(collateral: collateral).UnappraisedClaims?.TcbStatus);
        Assert.Equal("tcb_not_supported", MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = new TdReportFields { TeeTcbSvn = Svn(5, 0, 2) }.Encode() }, collateral).Failure?.Code);
    }

    [Fact]
    public void Component_8_too_old_reaches_no_level()
    {
        byte[] level = [.. Platform];
        level[7]++;
        Assert.Equal("tcb_not_supported", MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { Levels = [new(level, 0, [], "UpToDate")] }).Failure?.Code);
    }

    [Theory]
    [InlineData("UpToDate", "OutOfDate", "TDRelaunchAdvised")]
    [InlineData("SWHardeningNeeded", "OutOfDate", "TDRelaunchAdvised")]
    [InlineData("ConfigurationNeeded", "OutOfDate", "TDRelaunchAdvisedConfigurationNeeded")]
    [InlineData("ConfigurationAndSWHardeningNeeded", "OutOfDateConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded")]
    [InlineData("UpToDate", "OutOfDateConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded")]
    [InlineData("OutOfDate", "OutOfDate", "OutOfDate")]
    [InlineData("Revoked", "OutOfDate", "OutOfDate")]
    public void Relaunch_is_advised_when_only_the_running_domain_is_old(string latest, string old, string expected) =>
        Assert.Equal(expected, Relaunch(latest, old, Svn(9, 1, 4)).UnappraisedClaims?.TcbStatus.ToString());

    [Theory]
    [InlineData(8, 1, 4, "OutOfDate")]
    [InlineData(9, 1, 3, "OutOfDate")]
    [InlineData(9, 0, 4, "TDRelaunchAdvised")]
    [InlineData(8, 0, 4, "OutOfDate")]
    [InlineData(12, 3, 4, "TDRelaunchAdvised")]
    public void Relaunch_is_advised_only_on_a_platform_at_the_latest_level(int module, int version, int loader, string expected) =>
        Assert.Equal(expected, Relaunch("UpToDate", "OutOfDate", Svn(module, version, loader)).UnappraisedClaims?.TcbStatus.ToString());

    [Fact]
    public void Relaunch_is_not_advised_with_an_old_quoting_enclave() =>
        Assert.Equal(TcbStatus.OutOfDate, Relaunch("UpToDate", "OutOfDate", Svn(9, 1, 4), qeIsvSvn: 4).UnappraisedClaims?.TcbStatus);

    [Fact]
    public void Relaunch_into_an_unknown_module_is_refused() =>
        Assert.Equal("unknown_module", Relaunch("UpToDate", "OutOfDate", Svn(9, 7, 4)).Failure?.Code);

    private static VerificationResult Relaunch(string latest, string old, byte[] now, ushort qeIsvSvn = 8)
    {
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with
        {
            Levels = [new(Platform, 13, LatestTdx, latest), new(Platform, 13, OldTdx, old)],
            TdxModules =
            [
                new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(9, "UpToDate"), new SimulatedIsvSvnLevel(5, "OutOfDate")),
                new SimulatedTdxModule("TDX_03", new SimulatedIsvSvnLevel(12, "UpToDate")),
            ],
        };
        DcapQuoteRequest quote = MintedDcap.Tdx15(new TdReportFields { TeeTcbSvn = Svn(5, 1, 2), TeeTcbSvn2 = now });
        return MintedDcap.VerifyTdx(quote with { QeReport = quote.QeReport with { IsvSvn = qeIsvSvn } }, collateral);
    }

    private static byte[] Svn(int module, int version, int loader) => [(byte)module, (byte)version, (byte)loader, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}
