using System.Security.Cryptography;
using System.Text;
using Cloister.Xaes;

namespace Cloister.Cli.Tests.Offline;

public sealed class PortableXaesTests
{
    private static readonly byte[] Nonce = "ABCDEFGHIJKLMNOPQRSTUVWX"u8.ToArray();

    // c2sp.org/XAES-256-GCM, "Test Vectors": one key whose AES(0) has its highest bit clear, one where it is set.
    [Theory]
    [InlineData(0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271", "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b")]
    [InlineData(0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d", "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8")]
    public void Published_vectors(byte keyByte, string aad, string ciphertext, string derived)
    {
        byte[] key = [.. Enumerable.Repeat(keyByte, 32)];

        Assert.Equal(derived, Convert.ToHexStringLower(PortableXaes.DerivedKey(key, Nonce)));
        Assert.Equal("XAES-256-GCM"u8.ToArray(), PortableXaes.Decrypt(key, [.. Nonce, .. Convert.FromHexString(ciphertext)], Encoding.ASCII.GetBytes(aad)));
    }

    [Fact]
    public void Every_changed_bit_is_refused()
    {
        byte[] key = [.. Enumerable.Repeat((byte)0x03, 32)];
        byte[] message = [.. Nonce, .. Convert.FromHexString("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d")];
        byte[] aad = "c2sp.org/XAES-256-GCM"u8.ToArray();
        foreach (byte[] part in (byte[][])[key, message, aad])
        {
            for (int bit = 0; bit < part.Length * 8; bit++)
            {
                part[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Throws<AuthenticationTagMismatchException>(() => PortableXaes.Decrypt(key, message, aad));
                part[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }

        Assert.Equal("XAES-256-GCM"u8.ToArray(), PortableXaes.Decrypt(key, message, aad));
    }
}
