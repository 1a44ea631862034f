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
        byte[] derived = GC.AllocateUninitializedArray<byte>(KeySize, pinned: true);
        using XaesKey xaes = new(key);
        xaes.Derive(nonce, derived);
        return derived;
    }

    /// <summary>Encrypts with a random nonce.</summary>
    public static byte[] Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad)
    {
        using XaesKey xaes = new(key);
        return xaes.Encrypt(plaintext, aad);
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
