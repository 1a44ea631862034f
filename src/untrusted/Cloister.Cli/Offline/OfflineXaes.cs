using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.Cli.Offline;

/// <summary>
/// XAES-256-GCM on the platform's AES, for key owners who open values outside the enclave. Written from c2sp.org/XAES-256-GCM, apart from
/// the enclave's own, so that the two check each other.
/// </summary>
internal static class OfflineXaes
{
    private const int NonceSize = 24;
    private const int TagSize = 16;

    /// <summary>The AES-256-GCM key for a nonce: what encrypts one payload.</summary>
    internal static byte[] DerivedKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        using Aes aes = Aes.Create();
        aes.SetKey(key);
        byte[] l = aes.EncryptEcb(new byte[16], PaddingMode.None);
        UInt128 value = BinaryPrimitives.ReadUInt128BigEndian(l);
        UInt128 k1 = (value << 1) ^ ((value >> 127) == UInt128.One ? (UInt128)0x87 : UInt128.Zero);

        byte[] blocks = new byte[32];
        for (byte counter = 1; counter <= 2; counter++)
        {
            byte[] block = [0, counter, 0x58, 0, .. nonce[..12]];
            BinaryPrimitives.WriteUInt128BigEndian(blocks.AsSpan((counter - 1) * 16), BinaryPrimitives.ReadUInt128BigEndian(block) ^ k1);
        }

        return aes.EncryptEcb(blocks, PaddingMode.None);
    }

    /// <summary>Decrypts <c>nonce 24 | ciphertext | tag 16</c>.</summary>
    /// <exception cref="AuthenticationTagMismatchException">It does not authenticate.</exception>
    internal static byte[] Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> aad)
    {
        ReadOnlySpan<byte> nonce = message[..NonceSize];
        ReadOnlySpan<byte> ciphertext = message[NonceSize..^TagSize];
        byte[] derived = DerivedKey(key, nonce);
        byte[] plaintext = new byte[ciphertext.Length];
        using AesGcm gcm = new(derived, TagSize);
        gcm.Decrypt(nonce[12..], ciphertext, message[^TagSize..], plaintext, aad);
        CryptographicOperations.ZeroMemory(derived);
        return plaintext;
    }
}
