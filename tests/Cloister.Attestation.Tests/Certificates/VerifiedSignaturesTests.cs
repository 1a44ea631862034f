using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Certificates;

public sealed class VerifiedSignaturesTests
{
    [Fact]
    public void Only_right_signatures_are_remembered_and_the_memory_is_bounded()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        Certificate root = Certificate.Parse(vendor.Ark);
        Certificate ask = Certificate.Parse(vendor.Ask);
        Certificate asvk = Certificate.Parse(vendor.Asvk);
        VerifiedSignatures verified = new(capacity: 2);
        Assert.False(verified.Verify(ask, asvk));
        Assert.False(verified.Verify(root, ask));
        Assert.Equal(0, verified.Count);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(verified.Verify(ask, root));
            Assert.True(verified.Verify(asvk, root));
            Assert.False(verified.Verify(ask, asvk));
            Assert.Equal(2, verified.Count);
        }

        Assert.True(verified.Verify(root, root));
        Assert.Equal(1, verified.Count);
    }
}
