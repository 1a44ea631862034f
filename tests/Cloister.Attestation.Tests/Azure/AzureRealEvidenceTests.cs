using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Azure;

/// <summary>Evidence of real VMs of Azure, where the samples are at hand: each verifies, or says which link has nothing to verify it with.</summary>
public sealed class AzureRealEvidenceTests
{
    private static readonly VerificationTime At = VerificationTime.At(new DateTimeOffset(2025, 6, 1, 0, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData("trustee_az-snp-vtpm_evidence-v0.json", 0, "Milan", "challenge")]
    [InlineData("trustee_az-snp-vtpm_evidence-v1.json", 1, "Milan", "challenge")]
    [InlineData("trustee_az-snp-vtpm_evidence-v2.json", 2, "Milan", null)]
    [InlineData("trustee_az-snp-vtpm_evidence-genoa.json", 0, "Genoa", null)]
    public void SEV_SNP_verifies(string file, int version, string product, string? asked)
    {
        string root = EvidenceDirectory.Require();
        byte[] evidence = Read(root, file);
        string chain = Directory.GetFiles(Path.Combine(root, "roots"), "*.pem").First(path => PemCertificates.Parse(File.ReadAllBytes(path)).Any(c => c.CommonName == $"SEV-{product}"));
        SnpCollateral collateral = new() { Authorities = PemCertificates.Parse(File.ReadAllBytes(chain)) };
        VerificationResult result = AzureVerifier.VerifySnp(evidence, collateral, TrustAnchors.Amd, At);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        AzureClaims claims = Assert.IsType<AzureClaims>(result.UnappraisedClaims);
        Assert.Equal(version, claims.Evidence.Version);
        Assert.Equal(product, Claim(claims, ClaimNames.Product));
        Assert.Equal("true", Claim(claims, ClaimNames.VmSecureBoot));
        Assert.False(claims.Debug);
        if (asked is not null)
        {
            Assert.Equal(Convert.ToHexStringLower(System.Text.Encoding.ASCII.GetBytes(asked)), Claim(claims, ClaimNames.QualifyingData));
        }
    }

    [Fact]
    public void TDX_holds_together_and_needs_Intels_collateral_of_its_platform()
    {
        byte[] evidence = Read(EvidenceDirectory.Require(), "trustee_az-tdx-vtpm_evidence-v1.json");
        AzureEvidence read = AzureEvidence.Parse(Tee.AzureTdx, evidence);
        Assert.Null(AzureVerifier.CheckQuote(read));
        Assert.Null(DcapVerifier.CheckSignatures(Tee.Tdx, read.TdQuote, TrustAnchors.Intel, At, out _));
    }

    private static byte[] Read(string root, string file)
    {
        string path = Path.Combine(root, "azure", file);
        Assert.SkipUnless(File.Exists(path), $"'{path}' is not there.");
        return File.ReadAllBytes(path);
    }

    private static string? Claim(EvidenceClaims claims, string name) => claims.All.TryGet(name, out ClaimValue? value) ? value.ToString() : null;
}
