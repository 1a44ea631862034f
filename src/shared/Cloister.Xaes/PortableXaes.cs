using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.Xaes;

/// <summary>
/// XAES-256-GCM (c2sp.org/XAES-256-GCM) on the platform's AES. Messages are <c>nonce 24 | ciphertext | tag 16</c>; keys have 32 bytes.
/// secrets: keys and plaintexts pass through; derived keys are wiped.
/// </summary>
public static class PortableXaes
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    /// <summary>Bytes that a message is longer than its plaintext.</summary>
    public const int Overhead = NonceSize + TagSize;

    private const int NonceSize = 24;
    private const int TagSize = 16;
    private const int GcmNonceSize = 12;

    /// <summary>The AES-256-GCM key for the first 12 bytes of a nonce, owned by the caller.</summary>
    public static byte[] DerivedKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        using Aes aes = Aes.Create();
        aes.SetKey(key);
        byte[] l = aes.EncryptEcb(new byte[16], PaddingMode.None);
        UInt128 value = BinaryPrimitives.ReadUInt128BigEndian(l);
        UInt128 k1 = (value << 1) ^ ((value >> 127) == UInt128.One ? (UInt128)0x87 : UInt128.Zero);

        byte[] blocks = new byte[KeySize];
        for (byte counter = 1; counter <= 2; counter++)
        {
            byte[] block = [0, counter, 0x58, 0, .. nonce[..12]];
            BinaryPrimitives.WriteUInt128BigEndian(blocks.AsSpan((counter - 1) * 16), BinaryPrimitives.ReadUInt128BigEndian(block) ^ k1);
        }

        byte[] derived = GC.AllocateUninitializedArray<byte>(KeySize, pinned: true);
        aes.EncryptEcb(blocks, derived, PaddingMode.None);
        return derived;
    }

    /// <summary>Encrypts with a random nonce.</summary>
    public static byte[] Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad)
    {
        byte[] message = new byte[NonceSize + plaintext.Length + TagSize];
        RandomNumberGenerator.Fill(message.AsSpan(0, NonceSize));
        byte[] derived = DerivedKey(key, message);
        try
        {
            using AesGcm gcm = new(derived, TagSize);
            gcm.Encrypt(message.AsSpan(GcmNonceSize, GcmNonceSize), plaintext, message.AsSpan(NonceSize, plaintext.Length), message.AsSpan(NonceSize + plaintext.Length), aad);
            return message;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>Decrypts a message of at least <see cref="Overhead"/> bytes.</summary>
    /// <exception cref="AuthenticationTagMismatchException">It does not authenticate.</exception>
    public static byte[] Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> aad)
    {
        byte[] plaintext = new byte[message.Length - Overhead];
        Decrypt(key, message, aad, plaintext);
        return plaintext;
    }

    /// <summary>Decrypts a message into exactly <c>message.Length - Overhead</c> bytes.</summary>
    /// <exception cref="AuthenticationTagMismatchException">It does not authenticate.</exception>
    public static void Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> aad, Span<byte> plaintext)
    {
        byte[] derived = DerivedKey(key, message);
        try
        {
            using AesGcm gcm = new(derived, TagSize);
            gcm.Decrypt(message[GcmNonceSize..NonceSize], message[NonceSize..^TagSize], message[^TagSize..], plaintext, aad);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }
}
