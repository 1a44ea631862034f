using Cloister.Release;

namespace Cloister.Recovery.Tests;

/// <summary>RFC 3394, section 4.</summary>
public sealed class AesKeyWrapTests
{
    private const string Kek256 = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

    [Theory]
    [InlineData("000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")]
    [InlineData(Kek256, "00112233445566778899AABBCCDDEEFF", "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7")]
    [InlineData(
        Kek256,
        "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")]
    public void Wraps_the_vectors(string kek, string key, string wrapped) =>
        Assert.Equal(wrapped, Convert.ToHexString(AesKeyWrap.Wrap(Convert.FromHexString(kek), Convert.FromHexString(key))));

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(17)]
    public void Other_lengths_are_refused(int length) => Assert.Throws<ArgumentException>(() => AesKeyWrap.Wrap(new byte[32], new byte[length]));
}
