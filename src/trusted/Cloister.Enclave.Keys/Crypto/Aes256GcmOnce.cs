using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// AES-256-GCM under keys of which each serves one message: a cipher context of the calling thread, keyed anew every time and with zeros
/// afterwards, since making one costs more than encrypting a Secret. Nonce 12 bytes, tag 16. Source: NIST SP 800-38D.
/// secrets: the key, for the time of a call.
/// </summary>
internal static class Aes256GcmOnce
{
    private const int KeySize = 32;
    private const int NonceSize = 12;

    [ThreadStatic]
    private static CipherContext? _context;

    /// <summary>Encrypts.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="plaintext">Any length.</param>
    /// <param name="associatedData">Authenticated, not encrypted.</param>
    /// <param name="ciphertext">As many bytes.</param>
    /// <param name="tag">16 bytes.</param>
    internal static void Encrypt(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData, Span<byte> ciphertext, Span<byte> tag)
    {
        CipherContext context = Keyed(key, nonce, encrypt: true);
        try
        {
            context.Authenticate(associatedData);
            context.Update(plaintext, ciphertext);
            context.FinishEncryption(tag);
        }
        finally
        {
            Unkey(context);
        }
    }

    /// <summary>Decrypts; false, and zeros, when it does not authenticate.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="ciphertext">Any length.</param>
    /// <param name="tag">16 bytes.</param>
    /// <param name="associatedData">As at encryption.</param>
    /// <param name="plaintext">As many bytes as the ciphertext.</param>
    internal static bool TryDecrypt(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> associatedData, Span<byte> plaintext)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(tag.Length, Xaes256Gcm.TagSize);
        CipherContext context = Keyed(key, nonce, encrypt: false);
        bool authentic = false;
        try
        {
            context.Authenticate(associatedData);
            context.Update(ciphertext, plaintext);
            authentic = context.FinishDecryption(tag);
        }
        finally
        {
            Unkey(context);
            if (!authentic)
            {
                CryptographicOperations.ZeroMemory(plaintext);
            }
        }

        return authentic;
    }

    private static CipherContext Keyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, bool encrypt)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceSize);
        CipherContext context = _context ??= CipherContext.Aes256Gcm();
        context.Key(key, nonce, encrypt);
        return context;
    }

    private static void Unkey(CipherContext context)
    {
        Span<byte> zeros = stackalloc byte[KeySize];
        zeros.Clear();
        context.Key(zeros, zeros[..NonceSize], encrypt: true);
    }
}
