using Cloister.Enclave.Broker;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>RFC 3394, section 4.</summary>
public sealed class AesKeyUnwrapTests
{
    private const string Kek256 = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

    [Theory]
    [InlineData("000102030405060708090A0B0C0D0E0F", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5", "00112233445566778899AABBCCDDEEFF")]
    [InlineData(Kek256, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7", "00112233445566778899AABBCCDDEEFF")]
    [InlineData(
        Kek256,
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")]
    public void Unwraps_the_vectors(string kek, string wrapped, string key)
    {
        byte[] result = new byte[key.Length / 2];
        byte[] input = Convert.FromHexString(wrapped);
        Assert.True(AesKeyUnwrap.TryUnwrap(Convert.FromHexString(kek), input, result));
        Assert.Equal(key, Convert.ToHexString(result));

        for (int i = 0; i < input.Length; i++)
        {
            input[i] ^= 0x80;
            Assert.False(AesKeyUnwrap.TryUnwrap(Convert.FromHexString(kek), input, result));
            Assert.All(result, b => Assert.Equal(0, b));
            input[i] ^= 0x80;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(23)]
    public void Other_lengths_are_refused(int length) =>
        Assert.False(AesKeyUnwrap.TryUnwrap(new byte[32], new byte[length], new byte[Math.Max(0, length - 8)]));
}
