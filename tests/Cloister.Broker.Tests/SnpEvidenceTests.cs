using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Forms;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify.Snp;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Collateral;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Broker.Tests;

/// <summary>SEV-SNP evidence in every form that it comes in, with certificates from the guest or from elsewhere, and init-data.</summary>
public sealed class SnpEvidenceTests : ISnpCollateralSource
{
    private const string Nonce = "8Uv9kzBvtsqrfq0M69tUqVrXpQoyeOSSiMxTjCq7avY=";
    private const string InitBody = "algorithm = \"sha256\"\nversion = \"0.1.0\"\n";

    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddYears(-1);
    private static readonly SnpVendor Vendor = new(SnpProductLine.Genoa, SnpAuthorityKeys.Create(), From, From.AddYears(5));
    private static readonly SnpTcb Tcb = new(0, 3, 1, 24, 219);
    private static readonly byte[] Chip = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
    private static readonly byte[] Measurement = RandomNumberGenerator.GetBytes(48);
    private static readonly SnpEndorsement Endorsement = Vendor.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = Chip });
    private static readonly string Jwk = NewJwk();

    private SnpCollateral? _known;
    private bool? _askedWithKey;

    public IReadOnlyList<(string Model, Attestation.Collateral.CollateralItem Item)> Items => [];

    public Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken)
    {
        _askedWithKey = hasKey;
        return _known is null ? throw new CollateralException("unreachable", "AMD is away") : Task.FromResult(_known);
    }

    [Theory]
    [InlineData("report and table")]
    [InlineData("sev crate, old")]
    [InlineData("sev crate, new")]
    [InlineData("go-sev-guest")]
    [InlineData("hexadecimal")]
    [InlineData("configfs-tsm")]
    public async Task EveryFormIsAccepted(string form)
    {
        EvidenceVerdict verdict = await VerifyAsync(Form(form, Report()));
        Assert.True(verdict.IsAccepted, string.Join('\n', verdict.Failures));
        Assert.Equal(Convert.ToHexStringLower(Measurement), verdict.Enclave.Measurement);
        Assert.Equal(Convert.ToHexStringLower(Chip), verdict.Enclave.Platform);
    }

    [Theory]
    [InlineData("report and table")]
    [InlineData("sev crate, old")]
    [InlineData("sev crate, new")]
    [InlineData("go-sev-guest")]
    [InlineData("hexadecimal")]
    [InlineData("configfs-tsm")]
    public async Task AChangedReportIsRefusedInEveryForm(string form)
    {
        byte[] report = Report();
        report[0x90] ^= 1;
        Assert.Equal("report_signature", (await Refused(Form(form, report))).Step);
    }

    [Fact]
    public async Task WithoutCertificatesTheBrokersSourceIsAsked()
    {
        _known = new SnpCollateral { EndorsementKeys = [Certificate.Parse(Endorsement.Certificate)], Authorities = [Certificate.Parse(Vendor.Ask), Certificate.Parse(Vendor.Ark)] };
        JsonObject evidence = new() { ["attestation_report"] = SevCrateJson.Old(Report()), ["cert_chain"] = null };
        EvidenceVerdict verdict = await VerifyAsync(evidence, source: this);
        Assert.True(verdict.IsAccepted, string.Join('\n', verdict.Failures));
        Assert.False(_askedWithKey);

        verdict = await VerifyAsync(Form("sev crate, old", Report()), source: this);
        Assert.True(verdict.IsAccepted, string.Join('\n', verdict.Failures));
        Assert.True(_askedWithKey);
    }

    [Fact]
    public async Task WithoutCertificatesAndWithoutASourceTheRefusalSaysWhatToDo()
    {
        StepFailure failure = await Refused(new JsonObject { ["attestation_report"] = SevCrateJson.New(Report(), SnpProductLine.Genoa), ["cert_chain"] = null });
        Assert.Equal(("collateral", "missing_certificate"), (failure.Step, failure.Code));
        Assert.Contains("collateral.kds", failure.ToString(), StringComparison.Ordinal);

        failure = await Refused(new JsonObject { ["report"] = Convert.ToBase64String(Report()), ["certs"] = "" });
        Assert.Equal("missing_certificate", failure.Code);
    }

    [Fact]
    public async Task ASourceThatIsConfiguredAndAwayRefuses()
    {
        EvidenceVerdict verdict = await VerifyAsync(Form("report and table", Report()), source: this);
        Assert.Equal(("collateral", "unreachable"), (verdict.Failures[0].Step, verdict.Failures[0].Code));
    }

    [Theory]
    [InlineData("""{"attestation_report":{},"cert_chain":{}}""")]
    [InlineData("""{"attestation_report":{},"cert_chain":[{"cert_type":"VCEK"}]}""")]
    [InlineData("""{"attestation_report":{},"cert_chain":[{"cert_type":"VCEK","data":"AA=="}]}""")]
    [InlineData("""{"attestation_report":{},"cert_chain":[{"cert_type":"VCEK","data":[1,2,3]}]}""")]
    [InlineData("""{"attestation_report":{},"cert_chain":[{"cert_type":"ASK","data":[256]}]}""")]
    [InlineData("""{"attestation_report":{"version":-1}}""")]
    [InlineData("""{"attestation_report":[]}""")]
    [InlineData("""{"report":"AAAA"}""")]
    public async Task AnotherFormIsRefused(string evidence) => Assert.Equal("request", (await Refused(JsonNode.Parse(evidence)!.AsObject())).Step);

    [Fact]
    public async Task AnEmptyReportIsRefused() => Assert.Equal("evidence_format", (await Refused(JsonNode.Parse("""{"attestation_report":{}}""")!.AsObject())).Step);

    [Fact]
    public async Task InitDataIsWhatHostDataHasTheDigestOf()
    {
        byte[] report = Report(SHA256.HashData(Encoding.UTF8.GetBytes(InitBody)));
        EvidenceVerdict verdict = await VerifyAsync(Form("report and table", report));
        Assert.True(verdict.IsAccepted, string.Join('\n', verdict.Failures));
        Assert.Null(Policy("sha256").Check(verdict.Enclave, new InitData("toml", InitBody)));
        Assert.Null(Policy("sha256").Check(verdict.Enclave, null));
        Assert.Equal("mismatch", Policy("sha256").Check(verdict.Enclave, new InitData("toml", InitBody + " "))?.Code);
        Assert.Equal("mismatch", Policy("sha384").Check(verdict.Enclave, new InitData("toml", InitBody))?.Code);
        Assert.Equal("no_rule", Policy(null).Check(verdict.Enclave, new InitData("toml", InitBody))?.Code);
    }

    [Fact]
    public async Task ALongerDigestIsCutToHostData()
    {
        byte[] report = Report(SHA512.HashData(Encoding.UTF8.GetBytes(InitBody))[..32]);
        EvidenceVerdict verdict = await VerifyAsync(Form("report and table", report));
        Assert.Null(Policy("sha512").Check(verdict.Enclave!, new InitData("toml", InitBody)));
    }

    [Fact]
    public void AnotherDigestIsNoPolicy() =>
        Assert.Contains(ReleasePolicyReader.Read(PolicyText("md5")).Errors, error => error.Path == "spec.initData");

    private static byte[] Report(byte[]? hostData = null) => new SnpReportFields
    {
        Version = 3,
        ReportedTcb = Tcb.Encode(SnpProductLine.Genoa),
        ChipId = Chip,
        Processor = new SnpProcessor(0x19, 0x11, 1),
        Measurement = Measurement,
        HostData = hostData ?? [],
        ReportData = new RuntimeData(Nonce, Encoding.UTF8.GetBytes(Jwk), "").ReportData.ToArray(),
    }.Sign(Endorsement.Key);

    private static JsonObject Form(string form, byte[] report) => form switch
    {
        "sev crate, old" => new JsonObject { ["attestation_report"] = SevCrateJson.Old(report), ["cert_chain"] = Chain() },
        "sev crate, new" => new JsonObject { ["attestation_report"] = SevCrateJson.New(report, SnpProductLine.Genoa), ["cert_chain"] = Chain() },
        "go-sev-guest" => GoMessageWriter.Attestation(report, Endorsement.Certificate, Vendor.Ask, Vendor.Ark).Json(camelCase: true),
        "hexadecimal" => new JsonObject { ["report"] = Convert.ToHexString(report), ["certs"] = Convert.ToHexString(Table()) },
        "configfs-tsm" => new JsonObject { ["provider"] = "sev_guest", ["outblob"] = Convert.ToBase64String(report), ["auxblob"] = Convert.ToBase64String(Table()) },
        _ => new JsonObject { ["report"] = Convert.ToBase64String(report), ["certs"] = Convert.ToBase64String(Table()) },
    };

    private static byte[] Table() => SnpCertificateTableWriter.Write(
        (SnpCertificateTableWriter.Ark, Vendor.Ark), (SnpCertificateTableWriter.Ask, Vendor.Ask), (SnpCertificateTableWriter.Vcek, Endorsement.Certificate));

    private static JsonArray Chain() =>
    [
        new JsonObject { ["cert_type"] = "VCEK", ["data"] = SevCrateJson.Bytes(Endorsement.Certificate) },
        new JsonObject { ["cert_type"] = "ASK", ["data"] = SevCrateJson.Bytes(Vendor.Ask) },
        new JsonObject { ["cert_type"] = "ARK", ["data"] = SevCrateJson.Bytes(Vendor.Ark) },
        new JsonObject { ["cert_type"] = new JsonObject { ["OTHER"] = "6b9e1d2f-0a7c-4c2b-9b3e-0f3a5e1c7d11" }, ["data"] = new JsonArray() },
    ];

    private static async Task<StepFailure> Refused(JsonObject evidence)
    {
        EvidenceVerdict verdict = await VerifyAsync(evidence);
        Assert.False(verdict.IsAccepted);
        return verdict.Failures[0];
    }

    private static Task<EvidenceVerdict> VerifyAsync(JsonObject evidence, ISnpCollateralSource? source = null)
    {
        AttestRequest request = new()
        {
            RuntimeData = new AttestedRuntimeData(Nonce, JsonDocument.Parse(Jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse(evidence.ToJsonString()).RootElement, ""),
        };
        ReleasePolicy policy = Policy("sha256");
        return new EvidenceVerification(new NoCollateral(), TimeProvider.System, source, OtherRoots.Any).VerifyAsync(
            "snp", request, StatementPurpose.Resource, policy.Appraisal, policy.Roots, TestContext.Current.CancellationToken);
    }

    private static ReleasePolicy Policy(string? initData)
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(PolicyText(initData));
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        return read.Policy;
    }

    private static string PolicyText(string? initData) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: guests }
        spec:
          appraisal:
            snp:
              debug: refuse
              measurement: {{Convert.ToHexStringLower(Measurement)}}
              hostData: any
              idKeyDigest: any
              authorKeyDigest: any
              guestSvn: 0
              vmpl: [0]
              guestPolicy: { require: [], allow: [smt], minAbi: "0.0" }
              platformInfo: { require: [], allow: [smt, ecc, alias_check] }
              products: [Genoa]
              signingKeys: [vcek]
              minTcb: { Genoa: { bootloader: 0, tee: 0, snp: 0, microcode: 0 } }
              firmware: { minVersion: "0.0.0", provisional: refuse }
              platforms: { allow: any }
              reportData: expected
          configDigests: any
          {{(initData is null ? "" : $"initData: {initData}")}}
          roots:
            - |
              {{Encoding.ASCII.GetString(DcapVendor.Pem(Certificate.Parse(Vendor.Ark))).TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: 10m, grace: 30s, wraps: 1000, unwraps: 2000 }
        """;

    private static string NewJwk()
    {
        using SimulatedEnclave enclave = new(TimeProvider.System);
        return enclave.Jwk;
    }

    private sealed class NoCollateral : IDcapCollateralSource
    {
        public Task<Attestation.Verify.Dcap.DcapCollateral> GetAsync(Attestation.Collateral.DcapCollateralKey key, CancellationToken cancellationToken) =>
            throw new CollateralException("unreachable", "no DCAP here");
    }
}
