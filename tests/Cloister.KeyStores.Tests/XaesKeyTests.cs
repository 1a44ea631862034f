using System.Security.Cryptography;
using Cloister.Xaes;

namespace Cloister.KeyStores.Tests;

public sealed class XaesKeyTests
{
    // Vectors of c2sp.org/XAES-256-GCM: one key for each value of the bit that CMAC's subkey depends on.
    [Theory]
    [InlineData("01", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271")]
    [InlineData("03", "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d")]
    public void It_opens_the_published_vectors(string keyByte, string aad, string ciphertext)
    {
        using XaesKey key = new(Enumerable.Repeat(Convert.FromHexString(keyByte)[0], 32).ToArray());
        byte[] message = [.. "ABCDEFGHIJKLMNOPQRSTUVWX"u8, .. Convert.FromHexString(ciphertext)];
        Assert.Equal("XAES-256-GCM"u8.ToArray(), key.Decrypt(message, System.Text.Encoding.ASCII.GetBytes(aad)));
    }

    [Fact]
    public void It_and_the_portable_one_open_each_others_messages()
    {
        for (int i = 0; i < 64; i++)
        {
            byte[] bytes = RandomNumberGenerator.GetBytes(32);
            byte[] plaintext = RandomNumberGenerator.GetBytes(i);
            using XaesKey key = new(bytes);
            Assert.Equal(plaintext, PortableXaes.Decrypt(bytes, key.Encrypt(plaintext, [7]), [7]));
            Assert.Equal(plaintext, key.Decrypt(PortableXaes.Encrypt(bytes, plaintext, [7]), [7]));
        }
    }
}
