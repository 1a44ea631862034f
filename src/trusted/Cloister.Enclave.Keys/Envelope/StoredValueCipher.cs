using System.Security.Cryptography;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Keys.Envelope;

/// <summary>
/// Encrypts and decrypts the data part of stored KMS v2 values, as a stock API server does: AES-256-GCM under a key that HKDF-Expand
/// derives from a seed for every encryption; or, for values written before Kubernetes 1.29, AES-GCM under the key itself. The associated
/// data is the etcd key. Source: k8s.io/apiserver, value/encrypt/aes (extended nonce GCM); docs/stored-value.md.
/// secrets: seed and plaintext pass through.
/// </summary>
public static class StoredValueCipher
{
    /// <summary>Bytes of a seed.</summary>
    public const int SeedSize = 32;

    private const int InfoSize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int KeySize = 32;

    /// <summary>Bytes that <see cref="Encrypt"/> adds to a plaintext.</summary>
    public const int Overhead = InfoSize + NonceSize + TagSize;

    /// <summary>Encrypts under a fresh key of the seed: <c>info 32 | nonce 12 | ciphertext | tag 16</c>.</summary>
    /// <param name="seed">32 bytes.</param>
    /// <param name="etcdKey">The key of the value in etcd.</param>
    /// <param name="plaintext">The value.</param>
    /// <param name="data">Exactly the plaintext's length and <see cref="Overhead"/>.</param>
    public static void Encrypt(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> etcdKey, ReadOnlySpan<byte> plaintext, Span<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(data.Length, plaintext.Length + Overhead);
        KernelRandom.Fill(data[..(InfoSize + NonceSize)]);
        Span<byte> key = stackalloc byte[KeySize];
        try
        {
            HkdfSha256.Expand(seed, data[..InfoSize], key);
            Span<byte> ciphertext = data[(InfoSize + NonceSize)..^TagSize];
            Aes256GcmOnce.Encrypt(key, data.Slice(InfoSize, NonceSize), plaintext, etcdKey, ciphertext, data[^TagSize..]);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Decrypts either source type.</summary>
    /// <param name="type">What <paramref name="source"/> is.</param>
    /// <param name="source">A seed of at least 32 bytes, or an AES key of 16, 24 or 32.</param>
    /// <param name="etcdKey">The key of the value in etcd.</param>
    /// <param name="data">The data part of the value.</param>
    /// <returns>The plaintext, or null when it does not authenticate or is too short.</returns>
    public static byte[]? Decrypt(DekSourceType type, ReadOnlySpan<byte> source, ReadOnlySpan<byte> etcdKey, ReadOnlySpan<byte> data)
    {
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(PlaintextSize(type, data), pinned: true);
        return TryDecrypt(type, source, etcdKey, data, plaintext) ? plaintext : null;
    }

    /// <summary>Bytes of the plaintext; 0 also when the data is too short to be any.</summary>
    /// <param name="type">As in <see cref="Decrypt"/>.</param>
    /// <param name="data">The data part of the value.</param>
    public static int PlaintextSize(DekSourceType type, ReadOnlySpan<byte> data) =>
        Math.Max(0, data.Length - (type == DekSourceType.AesGcmKey ? NonceSize + TagSize : Overhead));

    /// <summary>As <see cref="Decrypt"/>, into memory of the caller.</summary>
    /// <param name="type">What <paramref name="source"/> is.</param>
    /// <param name="source">A seed of at least 32 bytes, or an AES key of 16, 24 or 32.</param>
    /// <param name="etcdKey">The key of the value in etcd.</param>
    /// <param name="data">The data part of the value.</param>
    /// <param name="plaintext">Exactly <see cref="PlaintextSize"/>.</param>
    /// <returns>False when it does not authenticate or is too short; then the plaintext is zeros, or as it was.</returns>
    public static bool TryDecrypt(
        DekSourceType type, ReadOnlySpan<byte> source, ReadOnlySpan<byte> etcdKey, ReadOnlySpan<byte> data, Span<byte> plaintext)
    {
        if (type == DekSourceType.AesGcmKey)
        {
            return source.Length is 16 or 24 or 32 && Open(source, etcdKey, data, plaintext);
        }

        if (source.Length < SeedSize || data.Length < Overhead)
        {
            return false;
        }

        Span<byte> key = stackalloc byte[KeySize];
        try
        {
            HkdfSha256.Expand(source, data[..InfoSize], key);
            return Open(key, etcdKey, data[InfoSize..], plaintext);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static bool Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> etcdKey, ReadOnlySpan<byte> data, Span<byte> plaintext)
    {
        if (data.Length < NonceSize + TagSize)
        {
            return false;
        }

        ReadOnlySpan<byte> nonce = data[..NonceSize];
        ReadOnlySpan<byte> ciphertext = data[NonceSize..^TagSize];
        ReadOnlySpan<byte> tag = data[^TagSize..];
        if (key.Length == KeySize)
        {
            return Aes256GcmOnce.TryDecrypt(key, nonce, ciphertext, tag, etcdKey, plaintext);
        }

        try
        {
            using AesGcm gcm = new(key, TagSize);
            gcm.Decrypt(nonce, ciphertext, tag, plaintext, etcdKey);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }
}
