using System.Globalization;
using System.Text.Json;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Every verdict, status, advisory, measurement and mutation of the manifests of real SGX and TDX evidence.</summary>
public sealed class DcapManifestTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string tee in (string[])["sgx", "tdx"])
            {
                foreach (ITheoryDataRow row in EvidenceCase.Names(tee))
                {
                    cases.Add(tee, (string)row.GetData()[0]!);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Verdicts(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        Dictionary<string, byte[]> files = evidence.Files();
        foreach (JsonElement verdict in evidence.Verdicts)
        {
            VerificationResult result = DcapEvidence.Verify(evidence, files, EvidenceCase.At(verdict));
            bool expected = verdict.GetProperty("crypto_and_collateral").GetString() == "ok";
            Assert.True(expected == result.IsAuthentic, $"at {EvidenceCase.At(verdict)}: {result.Failure}");
            if (result.IsAuthentic)
            {
                AssertClaims(verdict, (DcapClaims)result.UnappraisedClaims);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Measurements(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        VerificationResult result = DcapEvidence.Verify(evidence, evidence.Files(), evidence.ReferenceTime);
        Assert.SkipUnless(result.IsAuthentic, "This case has no authentic time.");
        foreach (JsonProperty measurement in evidence.Manifest.GetProperty("measurements").EnumerateObject())
        {
            Assert.True(result.UnappraisedClaims.All.TryGet(measurement.Name, out ClaimValue? claim), measurement.Name);
            Assert.Equal(measurement.Value.ToString(), claim.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Mutations_are_refused(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        foreach (JsonElement mutation in evidence.Mutations)
        {
            Dictionary<string, byte[]> files = evidence.Files();
            Assert.True(EvidenceCase.TryMutate(files, mutation), mutation.ToString());
            VerificationResult result = DcapEvidence.Verify(evidence, files, evidence.ReferenceTime);
            Assert.False(result.IsAuthentic, mutation.ToString());
            Assert.NotEqual("tcb_level", result.Failure.Step);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Collateral_verified_before_gives_the_same_answer(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        Dictionary<string, byte[]> files = evidence.Files();
        VerifiedDcapCollateral? collateral = DcapVerifier.VerifyCollateral(DcapEvidence.Collateral(files), DcapEvidence.Root(evidence), evidence.ReferenceTime, out StepFailure? failure);
        Assert.True(collateral is not null, failure?.ToString());
        foreach (JsonElement verdict in evidence.Verdicts)
        {
            VerificationResult cold = DcapEvidence.Verify(evidence, files, EvidenceCase.At(verdict));
            VerificationResult warm = DcapVerifier.Verify(DcapEvidence.TeeOf(evidence), files["quote.bin"], collateral, EvidenceCase.At(verdict));
            Assert.Equal(cold.IsAuthentic, warm.IsAuthentic);
            Assert.Equal(cold.UnappraisedClaims?.TcbStatus, warm.UnappraisedClaims?.TcbStatus);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Another_root_is_refused(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        TrustAnchors other = DcapEvidence.Root(evidence).All.Single().Name == "Intel SGX Root CA" && evidence.Name.Contains("qvl-sample", StringComparison.Ordinal)
            ? TrustAnchors.Intel
            : TrustAnchors.Of(new TrustAnchor(new string('0', 64), "nobody"));
        VerificationResult result = DcapEvidence.Verify(evidence, evidence.Files(), evidence.ReferenceTime, other);
        Assert.True(result.Failure?.Code == "untrusted_root", result.Failure?.ToString());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quote_and_platform_fields(string tee, string name)
    {
        EvidenceCase evidence = EvidenceCase.Load(tee, name);
        Dictionary<string, byte[]> files = evidence.Files();
        DcapQuote quote = DcapQuote.Parse(files["quote.bin"]);
        JsonElement expected = evidence.Manifest.GetProperty("quote");
        Assert.Equal(expected.GetProperty("version").GetInt32(), quote.Header.Version);
        Assert.Equal(expected.GetProperty("trailing_bytes").GetInt32(), quote.TrailingLength);
        Assert.Equal(expected.GetProperty("qe_isvsvn").GetInt32(), quote.SignatureData.QeReport.IsvSvn);
        Assert.Equal(expected.GetProperty("cert_data_type").GetInt32(), quote.SignatureData.CertificationDataType);
        Assert.Equal(expected.GetProperty("header_user_data").GetString(), Convert.ToHexStringLower(quote.Header.UserData.Span));

        byte[] chain = files.GetValueOrDefault("pck_chain.pem") ?? quote.SignatureData.CertificationData.ToArray();
        PckExtension pck = PckExtension.Parse(PemCertificates.Parse(chain)[0]);
        expected = evidence.Manifest.GetProperty("pck");
        Assert.Equal(expected.GetProperty("fmspc").GetString(), Convert.ToHexString(pck.Fmspc.Span));
        Assert.Equal(expected.GetProperty("ppid").GetString(), Convert.ToHexStringLower(pck.Ppid.Span));
        Assert.Equal(expected.GetProperty("pcesvn").GetInt32(), pck.PceSvn);
        Assert.Equal(expected.GetProperty("cpusvn").GetString(), Convert.ToHexStringLower(pck.CpuSvn.Span));
        Assert.Equal(expected.GetProperty("tcb_components").EnumerateArray().Select(c => c.GetByte()), pck.TcbComponents.ToArray());
        Assert.Equal(expected.GetProperty("platform_instance_id").GetString() ?? "", Convert.ToHexStringLower(pck.PlatformInstanceId.Span));
        if (expected.GetProperty("config").ValueKind == JsonValueKind.Object)
        {
            Assert.Equal(expected.GetProperty("config").GetProperty("cached_keys").GetBoolean(), pck.CachedKeys);
            Assert.Equal(expected.GetProperty("config").GetProperty("smt_enabled").GetBoolean(), pck.SmtEnabled);
        }
    }

    private static void AssertClaims(JsonElement verdict, DcapClaims claims)
    {
        Assert.Equal(verdict.GetProperty("tcb_status").GetString(), claims.TcbStatus.ToString());
        Assert.Equal(verdict.GetProperty("advisory_ids").EnumerateArray().Select(a => a.GetString()), claims.AdvisoryIds);
        Assert.Equal(verdict.GetProperty("debug").GetBoolean(), claims.Debug);
        Assert.Equal(verdict.GetProperty("platform_tcb_status").GetString(), claims.Tcb.Platform.Status.ToString());
        Assert.Equal(verdict.GetProperty("qe_tcb_status").GetString(), claims.Tcb.QuotingEnclave.Status.ToString());
        Assert.Equal(DateTimeOffset.Parse(verdict.GetProperty("platform_tcb_date").GetString()!, CultureInfo.InvariantCulture), claims.TcbDate);
        if (verdict.GetProperty("tdx_module_status").GetString() is { } module)
        {
            Assert.Equal(module, (claims.Tcb.TdxModule?.Status ?? TcbStatus.UpToDate).ToString());
        }
    }
}
