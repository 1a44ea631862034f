using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Tests.Dcap;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Appraise;

public sealed class AppraiserTests
{
    private static readonly Expectations TdxExpectations = new(
    [
        KeyValuePair.Create(ClaimNames.ReportData, (ReadOnlyMemory<byte>)new byte[64]),
        KeyValuePair.Create(ClaimNames.MrConfigId, (ReadOnlyMemory<byte>)new byte[48]),
    ]);

    [Fact]
    public void Sgx_by_measurement_or_by_signer()
    {
        Assert.True(Appraise(SamplePolicies.Sgx, MintedDcap.VerifySgx()).IsAccepted);
        Assert.True(Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrSigner = MintedDcap.Bytes(32, 0x52), IsvProdId = 7, IsvSvn = 3 })).IsAccepted);
        Assert.True(Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrSigner = MintedDcap.Bytes(32, 0x52), IsvProdId = 7, IsvSvn = 9 })).IsAccepted);
        AssertRefused("enclave", "mismatch", Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrSigner = MintedDcap.Bytes(32, 0x52), IsvProdId = 7, IsvSvn = 2 })));
        AssertRefused("enclave", "mismatch", Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrSigner = MintedDcap.Bytes(32, 0x52), IsvProdId = 8, IsvSvn = 3 })));
        AssertRefused("enclave", "mismatch", Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrSigner = MintedDcap.Bytes(32, 0x53), IsvProdId = 7, IsvSvn = 3 })));
    }

    [Fact]
    public void A_missing_rule_refuses_and_a_waiver_is_listed()
    {
        AppraisalResult accepted = Appraise(SamplePolicies.Sgx, MintedDcap.VerifySgx());
        Assert.Equal(["configid", "platforms.allow", "reportData"], accepted.Waived);
        foreach (string line in (string[])
            ["    debug: refuse\n", "    configid: any\n", "      statuses: [UpToDate, SWHardeningNeeded]\n", "      advisories: [INTEL-SA-00001]\n", "      minDate: 2024-03-13\n", "      allow: any\n", "    reportData: any\n"])
        {
            Assert.Contains(line, SamplePolicies.Sgx + "\n", StringComparison.Ordinal);
            string yaml = (SamplePolicies.Sgx + "\n").Replace(line, line.StartsWith("      allow", StringComparison.Ordinal) ? "      block: [{ppid: \"00000000000000000000000000000001\"}]\n" : "", StringComparison.Ordinal);
            AppraisalResult result = Appraise(yaml, MintedDcap.VerifySgx());
            Assert.False(result.IsAccepted);
            Assert.Equal("missing_rule", Assert.Single(result.Failures).Code);
        }
    }

    [Fact]
    public void An_empty_section_refuses_every_rule()
    {
        AppraisalResult result = Appraiser.Appraise(MintedDcap.VerifySgx(), new AppraisalPolicy("empty", new PolicySection(Tee.Sgx, [], [])));
        Assert.Equal(RequiredRules.For(Tee.Sgx).Count, result.Failures.Count);
        AssertRefused("tee", "not_allowed", Appraiser.Appraise(MintedDcap.VerifySgx(), new AppraisalPolicy("other", new PolicySection(Tee.Tdx, [], []))));
    }

    [Fact]
    public void Evidence_that_is_not_authentic_is_refused_with_its_failure()
    {
        AppraisalResult result = Appraise(SamplePolicies.Sgx, VerificationResult.NotAuthentic(Tee.Sgx, new StepFailure("quote_signature", "bad_signature", "")));
        Assert.False(result.IsAccepted);
        Assert.Null(result.Evidence);
        Assert.Equal("quote_signature", Assert.Single(result.Failures).Step);
    }

    [Theory]
    [InlineData("UpToDate", true)]
    [InlineData("SWHardeningNeeded", true)]
    [InlineData("ConfigurationNeeded", false)]
    [InlineData("OutOfDate", false)]
    [InlineData("Revoked", false)]
    public void Statuses(string status, bool accepted) =>
        Assert.Equal(accepted, Appraise(SamplePolicies.Sgx, Level(new SimulatedTcbLevel(new byte[16], 0, [], status, "INTEL-SA-00001"))).IsAccepted);

    [Fact]
    public void A_revoked_platform_is_refused_even_when_statuses_are_waived()
    {
        string yaml = SamplePolicies.Sgx.Replace("[UpToDate, SWHardeningNeeded]", "any", StringComparison.Ordinal);
        AssertRefused("tcb.statuses", "revoked", Appraise(yaml, Level(new SimulatedTcbLevel(new byte[16], 0, [], "Revoked"))));
        Assert.True(Appraise(yaml, Level(new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate"))).IsAccepted);
    }

    [Fact]
    public void Advisories_dates_and_numbers()
    {
        AssertRefused("tcb.advisories", "not_accepted", Appraise(SamplePolicies.Sgx, Level(new SimulatedTcbLevel(new byte[16], 0, [], "UpToDate", "INTEL-SA-00001", "INTEL-SA-00002"))));
        AssertRefused("tcb.minDate", "too_old", Appraise(SamplePolicies.Sgx, Level(new SimulatedTcbLevel(new byte[16], 0, [], "UpToDate") { Date = "2024-03-12T23:59:59Z" })));
        AssertRefused("tcb.minEvaluationDataNumber", "too_low", Appraise(SamplePolicies.Sgx, MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { TcbEvaluationDataNumber = 17 })));
    }

    [Theory]
    [InlineData("2024-03-12T23:59:59Z", "2024-03-13T00:00:00Z", "2024-03-13T00:00:00Z", "platform")]
    [InlineData("2024-03-13T00:00:00Z", "2024-03-12T23:59:59Z", "2024-03-13T00:00:00Z", "quoting enclave")]
    [InlineData("2024-03-13T00:00:00Z", "2024-03-13T00:00:00Z", "2024-03-12T23:59:59Z", "TDX module")]
    [InlineData("2024-03-13T00:00:00Z", "2024-03-13T00:00:00Z", "2024-03-13T00:00:00Z", null)]
    public void Dates_of_the_platform_the_module_and_the_quoting_enclave(string platform, string enclave, string module, string? old)
    {
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with
        {
            Levels = [new SimulatedTcbLevel(new byte[16], 0, new byte[16], "UpToDate") { Date = platform }],
            QeLevels = [new SimulatedIsvSvnLevel(8, "UpToDate") { Date = enclave }],
            TdxModules = [new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(5, "UpToDate") { Date = module })],
        };
        AppraisalResult result = Appraise(SamplePolicies.Tdx.Replace("minDate: any", "minDate: 2024-03-13", StringComparison.Ordinal), MintedDcap.VerifyTdx(collateral: collateral), TdxExpectations);
        Assert.Equal(old is null, result.IsAccepted);
        if (old is not null)
        {
            AssertRefused("tcb.minDate", "too_old", result);
            Assert.Contains($"the {old} is of 2024-03-12 23:59:59Z", Assert.Single(result.Failures).Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Debug_is_refused() => AssertRefused("debug", "debug", Appraise(SamplePolicies.Sgx, Enclave(new EnclaveReportFields { MrEnclave = MintedDcap.Bytes(32, 0xE1), Flags = 7 })));

    [Fact]
    public void Tdx_with_what_the_relying_party_expects()
    {
        VerificationResult result = MintedDcap.VerifyTdx();
        Assert.True(Appraise(SamplePolicies.Tdx, result, TdxExpectations).IsAccepted);
        AppraisalResult without = Appraise(SamplePolicies.Tdx, result);
        Assert.Equal(["no_expectation", "no_expectation"], without.Failures.Select(f => f.Code));
        Expectations wrong = new([KeyValuePair.Create(ClaimNames.ReportData, (ReadOnlyMemory<byte>)MintedDcap.Bytes(64, 1)), KeyValuePair.Create(ClaimNames.MrConfigId, (ReadOnlyMemory<byte>)new byte[47])]);
        Assert.Equal(["mismatch", "mismatch"], Appraise(SamplePolicies.Tdx, result, wrong).Failures.Select(f => f.Code));
    }

    [Theory]
    [InlineData("mrtd")]
    [InlineData("tdattributes")]
    [InlineData("xfam")]
    [InlineData("platforms.allow")]
    [InlineData("platforms.block")]
    public void Tdx_reference_values(string rule)
    {
        TdReportFields report = new() { MrTd = MintedDcap.Bytes(48, 0x7D) };
        report = rule switch
        {
            "mrtd" => report with { MrTd = MintedDcap.Bytes(48, 0x7E) },
            "tdattributes" => report with { TdAttributes = new byte[8] },
            "xfam" => report with { Xfam = new byte[8] },
            _ => report,
        };
        DcapPlatformRequest platform = rule switch
        {
            "platforms.allow" => new DcapPlatformRequest { Ppid = MintedDcap.Bytes(16, 1) },
            "platforms.block" => new DcapPlatformRequest { PlatformInstanceId = MintedDcap.Bytes(16, 255) },
            _ => new DcapPlatformRequest(),
        };
        using DcapPlatform minted = MintedDcap.Vendor.NewPlatform(platform);
        VerificationResult result = MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = report.Encode() }, platform: minted);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(rule, Assert.Single(Appraise(SamplePolicies.Tdx, result, TdxExpectations).Failures).Step);
    }

    [Fact]
    public void Strict_verdicts_of_the_real_intel_cases()
    {
        EvidenceDirectory.Require();
        foreach (string tee in (string[])["sgx", "tdx"])
        {
            foreach (string directory in EvidenceDirectory.Cases(tee))
            {
                EvidenceCase evidence = EvidenceCase.Load(tee, Path.GetFileName(directory));
                VerificationResult result = DcapEvidence.Verify(evidence, evidence.Files(), evidence.ReferenceTime);
                AppraisalPolicy strict = Strict(result.Tee);
                bool expected = evidence.Verdicts.First().GetProperty("strict_policy").GetString() == "accept";
                Assert.True(expected == Appraiser.Appraise(result, strict).IsAccepted, $"{evidence.Name}: {result.Failure}");
            }
        }
    }

    private static AppraisalPolicy Strict(Tee tee)
    {
        AppraisalRule[] rules = [new Attestation.Appraise.Rules.DebugRule(), new Attestation.Appraise.Rules.TcbStatusRule(TcbStatus.UpToDate)];
        return new AppraisalPolicy("strict", new PolicySection(tee, rules, RequiredRules.For(tee).Except(rules.Select(r => r.Name))));
    }

    private static VerificationResult Enclave(EnclaveReportFields report) => MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Body = report.Encode() });

    private static VerificationResult Level(SimulatedTcbLevel level) => MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { Levels = [level] });

    private static AppraisalResult Appraise(string yaml, VerificationResult result, Expectations? expectations = null)
    {
        PolicyReadResult policy = AppraisalPolicyReader.Read(yaml);
        Assert.True(policy.IsValid, string.Join('\n', policy.Errors));
        return Appraiser.Appraise(result, policy.Policy, expectations);
    }

    private static void AssertRefused(string rule, string code, AppraisalResult result)
    {
        Assert.False(result.IsAccepted);
        Assert.Contains((rule, code), result.Failures.Select(f => (f.Step, f.Code)));
    }
}
