using System.Globalization;
using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Every verdict, field, measurement and mutation of the real SEV-SNP cases.</summary>
public sealed class SnpManifestTests
{
    public static TheoryData<string> Names => [.. EvidenceDirectory.Cases("snp").Select(d => Path.GetFileName(d)).DefaultIfEmpty("none")];

    [Theory, MemberData(nameof(Names))]
    public void Every_verdict_is_the_manifests(string name)
    {
        SnpCase evidence = SnpCase.Get(name);
        foreach (JsonElement verdict in evidence.Manifest.GetProperty("verdicts").EnumerateArray())
        {
            VerificationTime at = VerificationTime.At(verdict.GetProperty("at").GetDateTimeOffset());
            VerificationResult result = evidence.Verify(time: at);
            Assert.Equal(verdict.GetProperty("signature_and_chain").GetString() == "ok", result.IsAuthentic);
            if (!result.IsAuthentic)
            {
                Assert.Equal("certificate_chain", result.Failure.Step);
                Assert.Equal(at.Value < evidence.ReferenceTime.Value ? "not_yet_valid" : "expired", result.Failure.Code);
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_measurement_and_field_is_the_manifests(string name)
    {
        SnpCase evidence = SnpCase.Get(name);
        VerificationResult result = evidence.Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        SnpClaims claims = Assert.IsType<SnpClaims>(result.UnappraisedClaims);
        foreach (JsonProperty measurement in evidence.Manifest.GetProperty("measurements").EnumerateObject())
        {
            Assert.True(claims.All.TryGet(measurement.Name, out ClaimValue? value), measurement.Name);
            Assert.Equal(measurement.Value.GetString(), value.ToString());
        }

        JsonElement report = evidence.Manifest.GetProperty("report");
        Assert.Equal(report.GetProperty("version").GetUInt32(), claims.Report.Version);
        Assert.Equal(report.GetProperty("guest_svn").GetUInt32(), claims.Report.GuestSvn);
        Assert.Equal(Hex(report, "policy"), claims.Report.Policy.Value);
        Assert.Equal(report.GetProperty("policy_bits").GetProperty("debug").GetBoolean(), claims.Debug);
        Assert.Equal(report.GetProperty("vmpl").GetUInt32(), claims.Report.Vmpl);
        Assert.Equal(Hex(report, "platform_info"), claims.Report.PlatformInfo.Value);
        Assert.Equal(report.GetProperty("signing_key").GetString(), claims.Report.SigningKey.ToString(), ignoreCase: true);
        Assert.Equal(Number(report, "cpuid_family"), claims.Report.Processor?.Family);
        Assert.Equal(Number(report, "cpuid_model"), claims.Report.Processor?.Model);
        Assert.Equal(Number(report, "cpuid_stepping"), claims.Report.Processor?.Stepping);
        Assert.Equal(report.GetProperty("current_version").GetString(), claims.Report.CurrentVersion.ToString());
        Assert.Equal(report.GetProperty("committed_version").GetString(), claims.Report.CommittedVersion.ToString());
        Assert.Equal(evidence.Manifest.GetProperty("product").GetString(), claims.Product.ToString());
        Assert.Null(claims.TcbStatus);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_tcb_level_is_the_manifests(string name)
    {
        SnpCase evidence = SnpCase.Get(name);
        SnpClaims claims = Assert.IsType<SnpClaims>(evidence.Verify().UnappraisedClaims);
        JsonElement tcb = evidence.Manifest.GetProperty("tcb");
        JsonElement reported = tcb.GetProperty("reported");
        Assert.Equal(reported.GetProperty("bl").GetByte(), claims.ReportedTcb.Bootloader);
        Assert.Equal(reported.GetProperty("tee").GetByte(), claims.ReportedTcb.Tee);
        Assert.Equal(reported.GetProperty("snp").GetByte(), claims.ReportedTcb.Snp);
        Assert.Equal(reported.GetProperty("ucode").GetByte(), claims.ReportedTcb.Microcode);
        Assert.Equal(reported.TryGetProperty("fmc", out JsonElement fmc) ? fmc.GetByte() : (byte)0, claims.ReportedTcb.Fmc);
        Assert.Equal(Raw(tcb, "current_raw"), claims.Report.CurrentTcb);
        Assert.Equal(Raw(tcb, "committed_raw"), claims.Report.CommittedTcb);
        Assert.Equal(Raw(tcb, "launch_raw"), claims.Report.LaunchTcb);
        Assert.Equal(Raw(reported, "raw"), claims.ReportedTcb.Encode(claims.Product));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_strict_policy_answers_as_the_manifest_does(string name)
    {
        SnpCase evidence = SnpCase.Get(name);
        JsonElement verdict = evidence.Manifest.GetProperty("verdicts")[0];
        AppraisalRule[] rules = [new DebugRule(), new AllowedNumberRule("vmpl", ClaimNames.Vmpl, 0)];
        AppraisalPolicy policy = new("strict", new PolicySection(Tee.Snp, rules, RequiredRules.For(Tee.Snp).Except(["debug", "vmpl"])));
        AppraisalResult answer = Appraiser.Appraise(evidence.Verify(), policy);
        Assert.Equal(verdict.GetProperty("strict_policy").GetString() == "accept", answer.IsAccepted);
        Assert.Equal(
            verdict.GetProperty("strict_policy_reason").EnumerateArray().Select(r => r.GetString() == "debug_policy" ? "debug" : r.GetString()),
            answer.Failures.Select(f => f.Step));
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_mutation_is_refused(string name)
    {
        SnpCase evidence = SnpCase.Get(name);
        int count = 0;
        foreach (Mutation mutation in evidence.Mutations)
        {
            foreach (VerificationResult result in mutation.Operation == "use" ? Swapped(evidence, mutation) : [Edited(evidence, mutation)])
            {
                Assert.False(result.IsAuthentic, mutation.What);
                Assert.NotEmpty(result.Failure.Step);
                Assert.NotEmpty(result.Failure.Code);
                count++;
            }
        }

        Assert.True(count >= 15, $"only {count} mutations");
    }

    [Fact]
    public void Negative_certificates_of_trustee_are_refused_by_the_chain()
    {
        SnpCase evidence = SnpCase.Get("snp-trustee-milan-v2");
        foreach (string file in (string[])["bad_vcek_legacy.der", "bad_vcek_new.der"])
        {
            VerificationResult result = evidence.Verify(key: evidence.Read(file), time: VerificationTime.At(DateTimeOffset.Parse("2024-01-01T00:00:00Z", CultureInfo.InvariantCulture)));
            Assert.False(result.IsAuthentic);
            Assert.Equal(("certificate_chain", "bad_signature"), (result.Failure.Step, result.Failure.Code));
        }
    }

    private static VerificationResult Edited(SnpCase evidence, Mutation mutation) =>
        mutation.File == evidence.ReportName ? evidence.Verify(report: mutation.Apply(evidence.Report))
        : mutation.File == evidence.KeyName ? evidence.Verify(key: mutation.Apply(evidence.Key))
        : evidence.Verify(chain: mutation.Apply(evidence.Chain));

    /// <summary>The file of every other case of which it differs.</summary>
    private static IEnumerable<VerificationResult> Swapped(SnpCase evidence, Mutation mutation)
    {
        foreach (SnpCase other in SnpCase.All().Where(c => c.Directory != evidence.Directory))
        {
            if (mutation.File == evidence.KeyName)
            {
                yield return evidence.Verify(key: other.Key);
            }
            else if (mutation.File == evidence.ChainName)
            {
                if (!other.Chain.AsSpan().SequenceEqual(evidence.Chain))
                {
                    yield return evidence.Verify(chain: other.Chain);
                }
            }
            else
            {
                Assert.Equal("root", mutation.File);
                yield return evidence.Verify(anchors: TrustAnchors.Aws);
            }
        }
    }

    private static ulong Hex(JsonElement parent, string name) =>
        ulong.Parse(parent.GetProperty(name).GetString().AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static ulong Raw(JsonElement parent, string name) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(Convert.FromHexString(parent.GetProperty(name).GetString()!));

    private static byte? Number(JsonElement parent, string name) =>
        parent.GetProperty(name).ValueKind == JsonValueKind.Null ? null : parent.GetProperty(name).GetByte();

    [Fact]
    public void A_report_whose_version_was_made_4_fails_at_its_signature()
    {
        string root = EvidenceDirectory.Require();
        byte[] report = File.ReadAllBytes(Path.Combine(root, "more", "ms_genoa_attestation_report.bin"));
        byte[] changed = File.ReadAllBytes(Path.Combine(root, "more", "v4_from_genoa.bin"));
        SnpCollateral collateral = new()
        {
            EndorsementKeys = PemCertificates.Parse(File.ReadAllBytes(Path.Combine(root, "more", "ms_genoa_vcek.pem"))),
            Authorities = PemCertificates.Parse(File.ReadAllBytes(Path.Combine(root, "roots", "amd_genoa_ask_ark_asvk.pem"))),
        };
        VerificationTime time = VerificationTime.At(MintedSnp.Date("2026-06-01T00:00:00Z"));
        Assert.True(SnpVerifier.Verify(report, collateral, TrustAnchors.ForVendorOf(Tee.Snp), time).IsAuthentic);
        VerificationResult refused = SnpVerifier.Verify(changed, collateral, TrustAnchors.ForVendorOf(Tee.Snp), time);
        Assert.Equal(("report_signature", "bad_signature"), (refused.Failure?.Step, refused.Failure?.Code));
    }

    [Fact]
    public void TDX_in_the_report_of_Azures_paravisor_is_not_called_malformed()
    {
        byte[] hcl = File.ReadAllBytes(Path.Combine(EvidenceDirectory.Require(), "azure", "trustee_az-tdx-vtpm_hcl-report.bin"));
        Assert.Equal("unsupported", Assert.Throws<EvidenceFormatException>(() => SnpEvidence.Parse(hcl)).Code);
    }
}
