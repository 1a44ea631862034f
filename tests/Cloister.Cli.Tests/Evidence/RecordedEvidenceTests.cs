using Cloister.Attestation.Tests.Evidence;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Evidence;

/// <summary>Evidence of real machines in the files that it was published in, through <c>cloister evidence verify</c>.</summary>
public sealed class RecordedEvidenceTests : IDisposable
{
    private readonly string _collateral = Directory.CreateTempSubdirectory("cloister-test-").FullName;

    public void Dispose() => Directory.Delete(_collateral, recursive: true);

    [Theory]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v0.json", "roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v1.json", "roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v2.json", "roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-genoa.json", "roots/amd_genoa_ask_ark_asvk.pem", null)]
    [InlineData("az-snp-vtpm", "azure/trustee_az-snp-vtpm_evidence-v1.json", "roots/amd_genoa_ask_ark_asvk.pem", "certificate_chain")]
    [InlineData("snp", "azure/trustee_az-snp-vtpm_hcl-report.bin", "azure/trustee_az-snp-vtpm_vcek.pem roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("snp", "more/ms_genoa_attestation_report.bin", "more/ms_genoa_vcek.pem roots/amd_genoa_ask_ark_asvk.pem", null)]
    [InlineData("snp", "more/v4_from_genoa.bin", "more/ms_genoa_vcek.pem roots/amd_genoa_ask_ark_asvk.pem", "report_signature")]
    [InlineData("snp", "more/ms_turin_attestation_report.bin", "more/ms_turin_vcek.pem more/ms_turin_ask.pem more/ms_turin_ark.pem", null)]
    [InlineData("snp", "more/gosev_attestation.bin", "more/gosev_vcek.testcer roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("snp", "more/teekit_sev-gcp.bin", "more/teekit_sev-gcp-vcek.pem more/teekit_sev-gcp-cert-chain.pem", null)]
    [InlineData("snp", "more/trustee_attestation-service_tests_e2e_evidence.json", "roots/amd_genoa_ask_ark_asvk.pem", null)]
    [InlineData("sgx", "more/phala_sgx_quote", "more/phala_sgx_quote_collateral.json", null)]
    [InlineData("tdx", "more/phala_tdx_quote", "more/phala_tdx_quote_collateral.json", null)]

    // No published sample has the TCB info of these processors: what is signed by the quote holds, and another's collateral is refused.
    [InlineData("az-tdx-vtpm", "azure/trustee_az-tdx-vtpm_evidence-v1.json", "more/phala_tdx_quote_collateral.json", "tcb_info_match")]
    [InlineData("tdx", "azure/trustee_az-tdx-vtpm_td-quote.bin", "more/phala_tdx_quote_collateral.json", "tcb_info_match")]
    public async Task Verifies_or_fails_at_its_step(string tee, string file, string collateral, string? step)
    {
        string root = EvidenceDirectory.Require();
        Assert.SkipUnless(File.Exists(Path.Combine(root, file)), $"'{file}' is not there.");
        foreach (string one in collateral.Split(' '))
        {
            File.Copy(Path.Combine(root, one), Path.Combine(_collateral, Path.GetFileName(one)));
        }

        string at = tee is "sgx" or "tdx" or "az-tdx-vtpm" ? "2025-06-20T00:00:00Z" : "2026-03-01T00:00:00Z";
        CliResult result = await CliProcess.RunAsync("evidence", "verify", "--tee", tee, "--evidence", Path.Combine(root, file), "--collateral", _collateral, "--at", at, "-o", "json");
        Assert.True((string?)result.Json["failure"]?["step"] == step, result.ToString());
        Assert.Equal(step is null ? ExitCode.Done : ExitCode.No, result.ExitCode);
        Assert.Equal(step is null, (bool)result.Json["verified"]!);
    }
}
