using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Recorded evidence of real machines, in the forms that other tools left it in.</summary>
public sealed class RecordedFormsTests : IDisposable
{
    private static readonly VerificationTime Time = VerificationTime.At(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-recorded-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("phala_quote-from-tappd.hex", Tee.Tdx)]
    [InlineData("phala_sgx_quote", Tee.Sgx)]
    [InlineData("phala_tdx_quote", Tee.Tdx)]
    [InlineData("teekit_tdx-v4-gcp.json", Tee.Tdx)]
    [InlineData("trustee_tdx_quote_6.dat", Tee.Tdx)]
    [InlineData("trustee_attestation-service_tests_e2e_evidence.json", Tee.Snp)]
    [InlineData("gosev_attestation.bin", Tee.Snp)]
    [InlineData("teekit_sev-gcp.bin", Tee.Snp)]
    [InlineData("ms_turin_attestation_report.bin", Tee.Snp)]
    [InlineData("v4_from_genoa.bin", Tee.Snp)]
    public void Each_is_read_and_shown(string file, Tee tee)
    {
        EvidenceInput input = EvidenceForms.Read(File.ReadAllBytes(More(file)));
        Assert.Equal(tee, input.Tee);
        Assert.NotEmpty(EvidenceInspector.Inspect(tee, input.Bytes).Sections);
    }

    [Theory]
    [InlineData("ms_genoa_attestation_report.bin", "more/ms_genoa_vcek.pem", "roots/amd_genoa_ask_ark_asvk.pem", null)]
    [InlineData("v4_from_genoa.bin", "more/ms_genoa_vcek.pem", "roots/amd_genoa_ask_ark_asvk.pem", "report_signature")]
    [InlineData("ms_turin_attestation_report.bin", "more/ms_turin_vcek.pem", "more/ms_turin_ask.pem more/ms_turin_ark.pem", null)]
    [InlineData("gosev_attestation.bin", "more/gosev_vcek.testcer", "roots/amd_milan_ask_ark_asvk.pem", null)]
    [InlineData("teekit_sev-gcp.bin", "more/teekit_sev-gcp-vcek.pem", "more/teekit_sev-gcp-cert-chain.pem", null)]
    [InlineData("trustee_attestation-service_tests_e2e_evidence.json", "", "roots/amd_genoa_ask_ark_asvk.pem", null)]
    public void A_report_with_certificates_as_they_were_kept(string file, string key, string authorities, string? step)
    {
        string root = Evidence.EvidenceDirectory.Require();
        foreach (string certificate in $"{key} {authorities}".Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            File.Copy(Path.Combine(root, certificate), Path.Combine(_folder, Path.GetFileName(certificate)));
        }

        EvidenceInput input = EvidenceForms.Read(File.ReadAllBytes(More(file)));
        SnpCollateral kept = CollateralDirectory.ReadSnp(_folder);
        SnpCollateral collateral = new() { EndorsementKeys = kept.EndorsementKeys.Count > 0 ? kept.EndorsementKeys : input.Endorsements.EndorsementKeys, Authorities = kept.Authorities };
        VerificationResult result = SnpVerifier.Verify(input.Bytes, collateral, TrustAnchors.Amd, Time);
        Assert.True(result.Failure?.Step == step, result.Failure?.ToString());
    }

    [Fact]
    public void Each_version_and_kind_of_the_manifests_is_read_as_text_too()
    {
        string root = Evidence.EvidenceDirectory.Require();
        int read = 0;
        foreach (string file in (string[])["quote.bin", "report.bin", "document.bin", "hcl_report.bin"])
        {
            foreach (string path in Directory.EnumerateFiles(root, file, SearchOption.AllDirectories))
            {
                byte[] bytes = File.ReadAllBytes(path);
                EvidenceInput raw = EvidenceForms.Read(bytes);
                Assert.Equal(bytes, EvidenceForms.Read(MintedForms.Text(Convert.ToBase64String(bytes))).Bytes.ToArray());
                Assert.Equal(raw.Tee, EvidenceForms.Read(MintedForms.Text(Convert.ToHexString(bytes))).Tee);
                if (raw.Tee == Tee.Tdx)
                {
                    byte[] message = GoMessageWriter.Quote(bytes).Wire();
                    byte[] given = EvidenceForms.Read(message).Bytes.ToArray();
                    Assert.Equal(bytes[..given.Length], given);
                    Assert.Equal(0, Abi.Dcap.DcapQuote.Parse(given).TrailingLength);
                }

                if (file == "report.bin")
                {
                    Assert.Equal(bytes, EvidenceForms.Read(GoMessageWriter.Report(bytes).Wire()).Bytes.ToArray());
                }

                read++;
            }
        }

        Assert.True(read > 10, $"{read} files");
    }

    [Theory]
    [InlineData("phala_sgx_quote_collateral.json", "--collateral")]
    [InlineData("trustee_attestation-service_docs_example.token.json", "evidence token")]
    [InlineData("ms_turin_vcek.pem", "--collateral")]
    public void What_is_no_evidence_is_named(string file, string words) =>
        Assert.Contains(words, Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(File.ReadAllBytes(More(file)))).Message, StringComparison.Ordinal);

    private static string More(string file) => Path.Combine(Evidence.EvidenceDirectory.Require(), "more", file);
}
