using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Tests.Nitro;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Appraise;

/// <summary>Policies for SEV-SNP and Nitro: each rule refuses what it should.</summary>
public sealed class SnpNitroAppraisalTests
{
    private static readonly string SnpPolicy = SamplePolicies.Snp.Replace("Milan: { bootloader: 2, tee: 0, snp: 5, microcode: 68 }", "Milan: { bootloader: 3, tee: 1, snp: 24, microcode: 219 }", StringComparison.Ordinal);

    [Fact]
    public void A_good_report_is_accepted()
    {
        AppraisalResult result = Appraise(SnpPolicy, Snp(f => f));
        Assert.True(result.IsAccepted, string.Join('\n', result.Failures));
        Assert.Equal(["authorKeyDigest", "guestSvn", "hostData", "idKeyDigest", "measurement", "platforms.allow", "reportData"], result.Waived);
    }

    [Theory]
    [InlineData("debug", 1ul << 19)]
    [InlineData("guestPolicy", 1ul << 21)]
    [InlineData("guestPolicy", 1ul << 24)]
    public void Guest_policy_bits(string rule, ulong bit) => AssertRefused(rule, Appraise(SnpPolicy, Snp(f => f with { Policy = f.Policy | bit })));

    [Fact]
    public void Guest_policy_demands()
    {
        AssertRefused("guestPolicy", Appraise(SnpPolicy.Replace("require: []\n      allow: [smt, migrate_ma, single_socket]", "require: [single_socket]\n      allow: [smt]", StringComparison.Ordinal), Snp(f => f)));
        AssertRefused("guestPolicy", Appraise(SnpPolicy.Replace("minAbi: \"0.0\"", "minAbi: \"99.0\"", StringComparison.Ordinal), Snp(f => f)));
    }

    [Fact]
    public void Vmpl_and_platform_information()
    {
        AssertRefused("vmpl", Appraise(SnpPolicy, Snp(f => f with { Vmpl = 1 })));
        AssertRefused("platformInfo", Appraise(SnpPolicy, Snp(f => f with { PlatformInfo = 0x80 })));
        AssertRefused("platformInfo", Appraise(SnpPolicy.Replace("require: []\n      allow: [smt, tsme", "require: [alias_check]\n      allow: [smt, tsme", StringComparison.Ordinal), Snp(f => f with { PlatformInfo = 1 })));
        Assert.True(Appraise(SnpPolicy, Snp(f => f with { PlatformInfo = 0x65 })).IsAccepted);
    }

    [Fact]
    public void Tcb_and_firmware()
    {
        AssertRefused("minTcb", Appraise(SnpPolicy.Replace("microcode: 219", "microcode: 220", StringComparison.Ordinal), Snp(f => f)));
        AssertRefused("minTcb", Appraise(SnpPolicy.Replace("      Milan: { bootloader: 3, tee: 1, snp: 24, microcode: 219 }\n", "", StringComparison.Ordinal), Snp(f => f)));
        AssertRefused("firmware", Appraise(SnpPolicy.Replace("\"1.49.3\"", "\"9.0.0\"", StringComparison.Ordinal), Snp(f => f)));

        // A current TCB above the committed one can be rolled back.
        ulong newer = new SnpTcb(0, 3, 1, 25, 219).Encode(SnpProductLine.Milan);
        AssertRefused("firmware", Appraise(SnpPolicy, Snp(f => f with { CurrentTcb = newer })));
        Assert.True(Appraise(SnpPolicy.Replace("provisional: refuse", "provisional: allow", StringComparison.Ordinal), Snp(f => f with { CurrentTcb = newer })).IsAccepted);
    }

    [Fact]
    public void Products_and_signing_keys()
    {
        AssertRefused("products", Appraise(SnpPolicy.Replace("[Milan, Genoa, Turin]", "[Genoa]", StringComparison.Ordinal), Snp(f => f)));
        AssertRefused("signingKeys", Appraise(SnpPolicy.Replace("[vcek]", "[vlek]", StringComparison.Ordinal), Snp(f => f)));
    }

    [Fact]
    public void A_chip_id_of_zeros_is_on_no_list()
    {
        string policy = SnpPolicy.Replace("      allow: any", $"      allow: [{{ chipId: {new string('0', 128)} }}]", StringComparison.Ordinal);
        MintedSnp vlek = MintedSnp.Valid(SnpProductLine.Milan, SnpSigningKey.Vlek);
        AssertRefused("platforms.allow", Appraise(policy.Replace("[vcek]", "[vlek]", StringComparison.Ordinal), vlek.Verify()));
        string chip = string.Concat(Enumerable.Range(1, 64).Select(i => i.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
        Assert.True(Appraise(SnpPolicy.Replace("      allow: any", $"      allow: [{{ chipId: {chip} }}]", StringComparison.Ordinal), Snp(f => f)).IsAccepted);
    }

    [Fact]
    public void Nitro_registers_and_data()
    {
        string zeros = new('0', 96);
        VerificationResult document = new MintedNitro().Verify();
        Assert.True(Appraise(SamplePolicies.Nitro, document).IsAccepted);
        AssertRefused("pcr0", Appraise(SamplePolicies.Nitro.Replace("0: any", $"0: \"{new string('f', 96)}\"", StringComparison.Ordinal), document));
        AssertRefused("nonce", Appraise(SamplePolicies.Nitro.Replace("nonce: any", "nonce: expected", StringComparison.Ordinal), document));

        // hashi #666: a register that is not there does not match a pin of zeros, or any other.
        AssertRefused("pcr20", Appraise(SamplePolicies.Nitro.Replace("8: any", $"8: any, 20: \"{zeros}\"", StringComparison.Ordinal), document));
    }

    [Fact]
    public void A_nitro_enclave_in_debug_mode_is_refused()
    {
        VerificationResult debug = new MintedNitro().With(f => f with { Pcrs = [.. Enumerable.Range(0, 16).Select(i => ((ulong)i, new byte[48]))] }).Verify();
        AssertRefused("debug", Appraise(SamplePolicies.Nitro, debug));
    }

    private static VerificationResult Snp(Func<SnpReportFields, SnpReportFields> change)
    {
        MintedSnp minted = MintedSnp.Valid(SnpProductLine.Milan);
        SnpReportFields fields = minted.Fields with { CommittedTcb = minted.Fields.ReportedTcb, CurrentTcb = minted.Fields.ReportedTcb, LaunchTcb = minted.Fields.ReportedTcb };
        VerificationResult result = (minted with { Fields = change(fields) }).Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        return result;
    }

    private static AppraisalResult Appraise(string yaml, VerificationResult result)
    {
        PolicyReadResult policy = AppraisalPolicyReader.Read(yaml);
        Assert.True(policy.IsValid, string.Join('\n', policy.Errors));
        return Appraiser.Appraise(result, policy.Policy);
    }

    private static void AssertRefused(string rule, AppraisalResult result)
    {
        Assert.False(result.IsAccepted);
        Assert.Contains(rule, result.Failures.Select(f => f.Step));
    }
}
