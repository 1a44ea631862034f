using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Collateral;
using Cloister.Kbs;

namespace Cloister.Broker.Tests;

/// <summary>
/// Evidence of real machines, sent again to a broker that never asked for it: every form is read, what can be checked before the challenge holds, and then
/// it is refused for covering another challenge. That each verifies by itself is for the verifier's tests.
/// </summary>
public sealed class RecordedEvidenceTests
{
    private const string Nonce = "8Uv9kzBvtsqrfq0M69tUqVrXpQoyeOSSiMxTjCq7avY=";

    [Theory]
    [InlineData("sgx", "sgx/sgx-automata-swhardening-a/quote.bin", "report_data")]
    [InlineData("sgx", "sgx/sgx-phala-config-swhardening/quote.bin", "report_data")]
    [InlineData("sgx", "more/phala_sgx_quote", "report_data")]
    [InlineData("tdx", "tdx/tdx-alibaba-v5-uptodate/quote.bin", "report_data")]
    [InlineData("tdx", "tdx/tdx-automata-v4-outofdate/quote.bin", "report_data")]
    [InlineData("tdx", "tdx/tdx-google-v4-no-tcb-level/quote.bin", "report_data")]
    [InlineData("tdx", "tdx/tdx-phala-v4-uptodate/quote.bin", "report_data")]
    [InlineData("tdx", "more/phala_tdx_quote", "report_data")]
    [InlineData("snp", "snp/snp-azure-genoa-v3-vtpm/report.bin", "report_data")]
    [InlineData("snp", "snp/snp-google-milan-v2-debug/report.bin", "report_data")]
    [InlineData("snp", "snp/snp-trustee-milan-v3-vlek-vmpl1/report.bin", "report_data")]
    [InlineData("snp", "more/ms_turin_attestation_report.bin", "report_data")]
    [InlineData("snp", "more/v4_from_genoa.bin", "report_data")]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v0.json", "report_data")]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v1.json", "report_data")]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v2.json", "report_data")]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-genoa.json", "report_data")]
    [InlineData("az-tdx-vtpm", "azure/trustee_az-tdx-vtpm_evidence-v1.json", "report_data")]

    // A document of Nitro says when it was made.
    [InlineData("nitro", "nitro/nitro-dstack-production/document.cbor", "timestamp")]
    public async Task Is_refused_for_covering_another_challenge(string tee, string file, string step)
    {
        string path = Path.Combine(EvidenceDirectory.Require(), file);
        Assert.SkipUnless(File.Exists(path), $"'{path}' is not there.");
        EvidenceVerdict verdict = await VerifyAsync(tee, Form(tee, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken)));
        Assert.False(verdict.IsAccepted);
        Assert.Equal(step, verdict.Failures[0].Step);
    }

    [Theory]
    [InlineData("az-snp-vtpm", "azure/trustee_az-tdx-vtpm_evidence-v1.json")]
    [InlineData("az-tdx-vtpm", "azure/trustee_az-snp-vtpm_evidence-v1.json")]
    public async Task Of_another_kind_than_the_challenge_was_for_is_no_evidence(string tee, string file)
    {
        string path = Path.Combine(EvidenceDirectory.Require(), file);
        Assert.SkipUnless(File.Exists(path), $"'{path}' is not there.");
        EvidenceVerdict verdict = await VerifyAsync(tee, JsonNode.Parse(await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken))!);
        Assert.False(verdict.IsAccepted);
        Assert.Equal("evidence_format", verdict.Failures[0].Step);
    }

    private static JsonNode Form(string tee, byte[] bytes) => tee switch
    {
        "az-snp-vtpm" or "az-tdx-vtpm" => JsonNode.Parse(bytes)!,
        "snp" => new JsonObject { ["report"] = Convert.ToBase64String(bytes), ["certs"] = "" },
        "nitro" => new JsonObject { ["document"] = Convert.ToBase64String(bytes) },
        _ => new JsonObject { ["quote"] = Convert.ToBase64String(bytes) },
    };

    private static async Task<EvidenceVerdict> VerifyAsync(string tee, JsonNode evidence)
    {
        using SimulatedEnclave enclave = new(TimeProvider.System);
        AttestRequest request = new()
        {
            RuntimeData = new AttestedRuntimeData(Nonce, JsonDocument.Parse(enclave.Jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse(evidence.ToJsonString()).RootElement, ""),
        };

        // No policy is asked: what does not cover the challenge is nobody's.
        ReleasePolicy policy = ReleasePolicyReader.Read(enclave.Policy(new string('0', 64))).Policy!;
        return await new EvidenceVerification(new NoCollateral(), TimeProvider.System, null, OtherRoots.Any).VerifyAsync(
            tee, request, StatementPurpose.Resource, policy.Appraisal, policy.Roots, TestContext.Current.CancellationToken);
    }

    private sealed class NoCollateral : IDcapCollateralSource
    {
        public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken) => throw new CollateralException("unreachable", "no DCAP here");
    }
}
