using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Verify;

namespace Cloister.Attestation.Tests.Azure;

/// <summary>Every link of a confidential VM of Azure holds in all wire forms, and each one broken alone is refused at its step.</summary>
public sealed class AzureVerifierTests
{
    public static TheoryData<Tee, int> Forms =>
        new() { { Tee.AzureSnp, 0 }, { Tee.AzureSnp, 1 }, { Tee.AzureSnp, 2 }, { Tee.AzureTdx, 0 }, { Tee.AzureTdx, 1 }, { Tee.AzureTdx, 2 } };

    [Theory, MemberData(nameof(Forms))]
    public void Every_form_verifies_and_says_what_it_is_about(Tee tee, int version)
    {
        MintedAzure minted = new(tee, version);
        byte[] evidence = minted.Write();
        Assert.Equal(tee, EvidenceInspector.Recognise(evidence));
        Assert.NotEmpty(EvidenceInspector.Inspect(tee, evidence).Sections);
        VerificationResult result = minted.Verify(evidence);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        AzureClaims claims = Assert.IsType<AzureClaims>(result.UnappraisedClaims);
        Assert.Equal(tee, claims.Tee);
        Assert.Equal(Convert.ToHexStringLower(MintedAzure.Asked), Claim(claims, ClaimNames.QualifyingData));
        Assert.Equal(string.Concat(Enumerable.Repeat("0b", 32)), Claim(claims, "pcr11"));
        Assert.Equal("true", Claim(claims, ClaimNames.VmSecureBoot));
        Assert.Equal("00000000-0000-0000-0000-000000000001", Claim(claims, ClaimNames.VmUniqueId));
        Assert.NotNull(Claim(claims, tee == Tee.AzureSnp ? ClaimNames.Measurement : ClaimNames.MrTd));
        Assert.Null(AzureVerifier.CheckQuote(AzureEvidence.Parse(tee, evidence)));
    }

    [Theory, MemberData(nameof(Forms))]
    public void Each_link_that_is_broken_is_refused_at_its_step(Tee tee, int version)
    {
        MintedAzure good = new(tee, version);
        (good with { OtherKey = true }).Refuses("tpm_quote_signature", "bad_signature");
        (good with { TamperAttest = attest => attest[60] ^= 1 }).Refuses("tpm_quote_signature", "bad_signature");
        (good with { Rewrite = text => text.Replace("\"secure-boot\":true", "\"secure-boot\":null", StringComparison.Ordinal) }).Refuses("runtime_data", "binding_mismatch");
        (good with { TamperJson = ChangeRegister }).Refuses("tpm_pcrs", "digest_mismatch");
        (good with { TamperJson = json => Quote(json)["pcrs"]!.AsArray().RemoveAt(3) }).Refuses("evidence_format", "malformed");
        (good with { Selected = 0 }).Refuses("evidence_format", "malformed");
        (good with { RewriteAttest = attest => [.. attest[..5], 0x17, .. attest[6..]] }).Refuses("evidence_format", "malformed");
        (good with { RewriteAttest = attest => [0, .. attest[1..]] }).Refuses("evidence_format", "malformed");
        (good with { RewriteAttest = attest => [.. attest, 0] }).Refuses("evidence_format", "malformed");
        (good with { TamperJson = json => json["more"] = 1 }).Refuses("evidence_format", "malformed");
        (good with { TamperJson = json => json.Remove(tee == Tee.AzureSnp ? "vcek" : "td_quote") }).Refuses("evidence_format", "malformed");
        (good with { TamperJson = json => json["version"] = 3 }).Refuses("evidence_format", "newer_version");

        static void ChangeRegister(JsonObject json)
        {
            JsonArray registers = Quote(json)["pcrs"]!.AsArray();
            registers[11] = registers[12]!.DeepClone();
        }

        static JsonObject Quote(JsonObject json) => (json["quote"] ?? json["tpm_quote"])!.AsObject();
    }

    [Fact]
    public void A_report_that_a_guest_asked_for_itself_is_refused()
    {
        // All signatures hold: the guest made up a vTPM and asked the firmware, at its own level, for a report on it.
        (new MintedAzure(Tee.AzureSnp, 1) with { OtherKeyNamed = true, Vmpl = 2 }).Refuses("paravisor", "wrong_vmpl");
        Assert.True((new MintedAzure(Tee.AzureSnp, 1) with { OtherKeyNamed = true }).Verify().IsAuthentic);
    }

    [Fact]
    public void A_quote_of_another_trust_domain_is_refused() =>
        (new MintedAzure(Tee.AzureTdx, 1) with { QuotedMrTd = [.. Enumerable.Repeat((byte)9, 48)] }).Refuses("hardware_report", "another_report");

    [Fact]
    public void The_hardwares_own_steps_decide_first()
    {
        (new MintedAzure(Tee.AzureSnp, 1) with { TamperHcl = hcl => hcl[32 + 0x90] ^= 1 }).Refuses("report_signature", "bad_signature");
        (new MintedAzure(Tee.AzureTdx, 1) with { TamperJson = json => json["td_quote"] = json["td_quote"]!.GetValue<string>()[..^400] }).Refuses("parse_quote", "malformed");
    }

    [Fact]
    public void In_version_2_the_user_data_is_what_was_quoted()
    {
        MintedAzure good = new(Tee.AzureSnp, 2);
        (good with { UserData = [1, 2, 3] }).Refuses("user_data", "binding_mismatch");
        (good with { UserData = [.. MintedAzure.Asked, 1] }).Refuses("user_data", "binding_mismatch");
        Assert.True((good with { UserData = [1, 2, 3], Version = 1 }).Verify().IsAuthentic);
    }

    [Fact]
    public void Debug_of_the_hardware_is_debug()
    {
        Assert.False(new MintedAzure(Tee.AzureSnp, 1).Verify().UnappraisedClaims!.Debug);
        Assert.True((new MintedAzure(Tee.AzureSnp, 1) with { Policy = 0xB_0000 }).Verify().UnappraisedClaims!.Debug);
        Assert.True((new MintedAzure(Tee.AzureTdx, 1) with { TdAttributes = [1, 0, 0, 0x10, 0, 0, 0, 0] }).Verify().UnappraisedClaims!.Debug);
    }

    [Fact]
    public void A_verdict_on_other_hardware_is_no_verdict_on_this()
    {
        VerificationResult other = (new MintedAzure(Tee.AzureSnp, 1) with { SecureBoot = false }).Verify();
        EvidenceClaims hardware = Assert.IsType<AzureClaims>(other.UnappraisedClaims).Hardware;
        AzureEvidence evidence = AzureEvidence.Parse(Tee.AzureSnp, new MintedAzure(Tee.AzureSnp, 1).Write());
        VerificationResult concluded = AzureVerifier.Conclude(evidence, VerificationResult.Authentic(hardware, other.Root!, false));
        Assert.Equal("hardware_report", concluded.Failure?.Step);
    }

    [Theory]
    [InlineData("\"kid\":\"HCLAkPub\"", "\"kid\":\"HCLEkPub\"")]
    [InlineData("\"key_ops\":[\"sign\"]", "\"key_ops\":[\"encrypt\"]")]
    [InlineData("\"kty\":\"RSA\"", "\"kty\":\"EC\"")]
    [InlineData("\"e\":\"AQAB\"", "\"e\":\"Aw\"")]
    [InlineData("\"keys\":[", "\"keys\":[{\"kid\":\"HCLAkPub\"},")]
    [InlineData("\"vm-configuration\":{", "\"vm-configuration\":{\"secureBoot\":true,")]
    [InlineData("\"vm-configuration\":{", "\"vm-configuration\":{\"secure-boot\":true,")]
    [InlineData("\"user-data\":\"0", "\"user-data\":\"x")]
    [InlineData("\"user-data\":", "\"keys\":[],\"user-data\":")]
    [InlineData("\"vmUniqueId\":\"0", "\"vmUniqueId\":\"\\u0000")]
    public void Runtime_data_that_can_be_read_in_two_ways_is_refused(string from, string to)
    {
        MintedAzure changed = new MintedAzure(Tee.AzureSnp, 1) with
        {
            Rewrite = text => text.Contains(from, StringComparison.Ordinal) ? text.Replace(from, to, StringComparison.Ordinal) : throw new InvalidOperationException(text),
        };
        changed.Refuses("evidence_format", "malformed");
    }

    [Theory]
    [InlineData("SENMQR==")]
    [InlineData("SENMQR")]
    [InlineData("SENM QQ")]
    [InlineData("SENMQ")]
    [InlineData("S\u00e9NMQQ")]
    [InlineData("")]
    public void Base64_that_does_not_decode_is_refused(string text)
    {
        // Found by the fuzzer: bits behind the last byte passed the first look and threw at the second.
        (new MintedAzure(Tee.AzureSnp, 1) with { TamperJson = json => json["hcl_report"] = text }).Refuses("evidence_format", "malformed");
        (new MintedAzure(Tee.AzureTdx, 2) with { TamperJson = json => json["hcl_report"] = text }).Refuses("evidence_format", "malformed");
    }

    [Fact]
    public void What_a_newer_paravisor_adds_does_not_matter()
    {
        byte[] runtime = Encoding.ASCII.GetBytes(
            Encoding.ASCII.GetString(Simulator.Azure.AzureVtpm.RuntimeData(new System.Security.Cryptography.RSAParameters { Modulus = [0x80, .. new byte[255]], Exponent = [1, 0, 1] }))
                .Replace("\"tpm-enabled\":true", "\"tpm-enabled\":true,\"newer\":{\"a\":[1]},\"count\":7", StringComparison.Ordinal));
        HclRuntimeData read = HclRuntimeData.Parse(runtime);
        Assert.True(read.Configuration.TryGet("vm_count", out ClaimValue? count));
        Assert.Equal(7ul, count.Number);
        Assert.False(read.Configuration.TryGet("vm_newer", out _));
    }

    [Fact]
    public void No_byte_of_evidence_can_be_changed_unnoticed()
    {
        MintedAzure good = new(Tee.AzureSnp, 1);
        byte[] evidence = good.Write();
        string signed = Fingerprint(good.Verify(evidence));
        for (int at = 0; at < evidence.Length; at += 7)
        {
            byte[] changed = [.. evidence];
            changed[at] ^= 1;
            VerificationResult result = good.Verify(changed);

            // Case of hex digits, or of a field of JSON that says the same, may vary: what is said may not.
            Assert.True(!result.IsAuthentic || Fingerprint(result) == signed, $"offset {at}");
        }

        static string Fingerprint(VerificationResult result) => string.Join('\n', result.UnappraisedClaims?.All.Select(claim => $"{claim.Key}={claim.Value}") ?? []);
    }

    private static string? Claim(EvidenceClaims claims, string name) => claims.All.TryGet(name, out ClaimValue? value) ? value.ToString() : null;
}
