using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Tests.Evidence;

public sealed class EvidenceDirectoryTests
{
    [Fact]
    public void The_pinned_roots_are_those_of_the_vendors()
    {
        string roots = Path.Combine(EvidenceDirectory.Require(), "roots");
        Assert.NotNull(TrustAnchors.Intel.Match(Certificate.Parse(File.ReadAllBytes(Path.Combine(roots, "intel_sgx_root_ca.der")))));
        Assert.Null(TrustAnchors.Intel.Match(PemCertificates.Parse(File.ReadAllBytes(Path.Combine(roots, "intel_qvl_sample_root_ca.pem")))[0]));
        Assert.NotNull(TrustAnchors.Aws.Match(PemCertificates.Parse(File.ReadAllBytes(Path.Combine(roots, "aws_nitro_enclaves_root_g1.pem")))[0]));
        foreach (string product in (string[])["milan", "genoa", "turin"])
        {
            IReadOnlyList<Certificate> chain = PemCertificates.Parse(File.ReadAllBytes(Path.Combine(roots, $"amd_{product}_ask_ark_asvk.pem")));
            Assert.NotNull(TrustAnchors.Amd.Match(chain[1]));
            Assert.True(chain[0].IsSignedBy(chain[1]));
            Assert.True(chain[1].IsSignedBy(chain[1]));
            Assert.True(chain[2].IsSignedBy(chain[1]));
        }
    }
}
