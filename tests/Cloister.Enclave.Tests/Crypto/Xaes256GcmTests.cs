using System.Security.Cryptography;
using System.Text;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Crypto;

public sealed class Xaes256GcmTests : IDisposable
{
    private readonly SecretArena _arena = new(64);

    public void Dispose() => _arena.Dispose();

    // c2sp.org/XAES-256-GCM, "Test Vectors": one key whose AES(0) has its highest bit clear, one where it is set.
    [Theory]
    [InlineData(0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271")]
    [InlineData(0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d")]
    public void Published_vectors(byte keyByte, string aad, string expected)
    {
        byte[] key = new byte[32];
        key.AsSpan().Fill(keyByte);
        using Xaes256Gcm cipher = Cipher(key);
        byte[] nonce = "ABCDEFGHIJKLMNOPQRSTUVWX"u8.ToArray();
        byte[] plaintext = "XAES-256-GCM"u8.ToArray();
        byte[] output = new byte[plaintext.Length + Xaes256Gcm.TagSize];

        cipher.Encrypt(nonce, plaintext, Encoding.ASCII.GetBytes(aad), output);

        Assert.Equal(expected, Convert.ToHexStringLower(output));
        byte[] opened = new byte[plaintext.Length];
        Assert.True(cipher.TryDecrypt(nonce, output, Encoding.ASCII.GetBytes(aad), opened));
        Assert.Equal(plaintext, opened);
    }

    // The accumulated test: inputs from SHAKE-128 of nothing, outputs into another SHAKE-128.
    [Theory]
    [InlineData(10_000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939")]
    [InlineData(1_000_000, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15")]
    public void Accumulated_vectors(int rounds, string expected)
    {
        Assert.SkipUnless(Shake128.IsSupported, "the platform has no SHAKE-128");
        byte[] stream = Shake128.HashData([], rounds * 320);
        using Shake128 digest = new();
        int position = 0;
        Span<byte> Next(int length)
        {
            position += length;
            return stream.AsSpan(position - length, length);
        }

        byte[] output = new byte[256 + Xaes256Gcm.TagSize];
        byte[] opened = new byte[256];
        for (int i = 0; i < rounds; i++)
        {
            using Xaes256Gcm cipher = Cipher(Next(32).ToArray());
            ReadOnlySpan<byte> nonce = Next(24);
            ReadOnlySpan<byte> plaintext = Next(Next(1)[0]);
            ReadOnlySpan<byte> aad = Next(Next(1)[0]);
            Span<byte> ciphertext = output.AsSpan(0, plaintext.Length + Xaes256Gcm.TagSize);
            cipher.Encrypt(nonce, plaintext, aad, ciphertext);
            digest.AppendData(ciphertext);
            if (i % 100 == 0)
            {
                Assert.True(cipher.TryDecrypt(nonce, ciphertext, aad, opened.AsSpan(0, plaintext.Length)));
                Assert.True(opened.AsSpan(0, plaintext.Length).SequenceEqual(plaintext));
            }
        }

        Assert.Equal(expected, Convert.ToHexStringLower(digest.GetHashAndReset(32)));
    }

    [Fact]
    public void Every_changed_bit_is_refused_and_nothing_comes_out()
    {
        using Xaes256Gcm cipher = Cipher(RandomNumberGenerator.GetBytes(32));
        byte[] nonce = RandomNumberGenerator.GetBytes(24);
        byte[] aad = RandomNumberGenerator.GetBytes(20);
        byte[] output = new byte[48];
        cipher.Encrypt(nonce, new byte[32], aad, output);
        byte[] opened = new byte[32];
        foreach (byte[] part in (byte[][])[nonce, aad, output])
        {
            for (int bit = 0; bit < part.Length * 8; bit++)
            {
                part[bit / 8] ^= (byte)(1 << (bit % 8));
                opened.AsSpan().Fill(0xAA);
                Assert.False(cipher.TryDecrypt(nonce, output, aad, opened));
                Assert.All(opened, b => Assert.Equal(0, b));
                part[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }

        Assert.True(cipher.TryDecrypt(nonce, output, aad, opened));
    }

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        using Xaes256Gcm cipher = Cipher(new byte[32]);
        Assert.Throws<ArgumentOutOfRangeException>(() => cipher.Encrypt(new byte[12], new byte[1], default, new byte[17]));
        Assert.Throws<ArgumentOutOfRangeException>(() => cipher.Encrypt(new byte[24], new byte[1], default, new byte[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => cipher.TryDecrypt(new byte[24], new byte[15], default, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => cipher.TryDecrypt(new byte[24], new byte[32], default, new byte[17]));
    }

    [Fact]
    public void A_disposed_cipher_does_nothing()
    {
        Xaes256Gcm cipher = Cipher(new byte[32]);
        cipher.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.Encrypt(new byte[24], new byte[1], default, new byte[17]));
    }

    [Fact]
    public void Many_threads_share_one_cipher()
    {
        using Xaes256Gcm cipher = Cipher(RandomNumberGenerator.GetBytes(32));
        Parallel.For(0, 20_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            byte[] nonce = new byte[24];
            KernelRandom.Fill(nonce);
            byte[] plaintext = BitConverter.GetBytes(i);
            byte[] output = new byte[20];
            byte[] opened = new byte[4];
            cipher.Encrypt(nonce, plaintext, "aad"u8, output);
            Assert.True(cipher.TryDecrypt(nonce, output, "aad"u8, opened));
            Assert.Equal(plaintext, opened);
        });
    }

    private Xaes256Gcm Cipher(byte[] key)
    {
        using SecretKey secret = SecretKey.TakeOver(_arena, key);
        return new Xaes256Gcm(secret);
    }
}
