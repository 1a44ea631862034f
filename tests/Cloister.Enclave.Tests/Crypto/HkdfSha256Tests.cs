using System.Security.Cryptography;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Crypto;

public sealed class HkdfSha256Tests
{
    // RFC 5869, appendix A, cases 1 to 3: the first block of the output.
    [Theory]
    [InlineData("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", "f0f1f2f3f4f5f6f7f8f9", "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")]
    [InlineData(
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c")]
    [InlineData("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")]
    public void Published_vectors(string key, string info, string expected)
    {
        byte[] output = new byte[HkdfSha256.Size];
        HkdfSha256.Expand(Convert.FromHexString(key), Convert.FromHexString(info), output);
        Assert.Equal(expected, Convert.ToHexStringLower(output));
    }

    [Fact]
    public void The_platforms_own_gives_the_same()
    {
        for (int length = 32; length < 200; length++)
        {
            byte[] key = TestKeys.Random(length);
            byte[] info = TestKeys.Random(length % 70);
            byte[] output = new byte[HkdfSha256.Size];
            HkdfSha256.Expand(key, info, output);
            Assert.Equal(HKDF.Expand(HashAlgorithmName.SHA256, key, HkdfSha256.Size, info), output);
        }
    }

    [Theory]
    [InlineData(31, 32)]
    [InlineData(32, 31)]
    [InlineData(32, 33)]
    public void Other_lengths_are_refused(int key, int output) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => HkdfSha256.Expand(new byte[key], default, new byte[output]));
}
