using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Cli.Offline;

/// <summary>
/// Opens stored KMS v2 values with KEKs in hand, as docs/stored-value.md says. For key owners; the enclave has its own code, so that the
/// two check each other. secrets: KEKs and plaintexts pass through.
/// </summary>
internal static class OfflineStoredValue
{
    private const int SeedSize = 32;
    private const int InfoSize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    /// <summary>The plaintext, or null when none of the KEKs opens it, or it is not one of that provider.</summary>
    /// <param name="keks">KEKs of 32 bytes.</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="key">The etcd key.</param>
    /// <param name="value">What etcd stores.</param>
    internal static byte[]? Open(IEnumerable<byte[]> keks, EnvelopeContext context, byte[] key, ReadOnlySpan<byte> value)
    {
        try
        {
            StoredValue stored = StoredValue.Parse(value);
            if (stored.Kind != StoredValueKind.KmsV2 || stored.Provider != context.Provider)
            {
                return null;
            }

            EncryptedObject body = EncryptedObject.Parse(stored.Body);
            byte[] edek = body.Edek.ToArray();
            foreach (byte[] kek in keks)
            {
                if (TryOpen(kek, context, edek, body, key) is { } plaintext)
                {
                    return plaintext;
                }
            }

            return null;
        }
        catch (WireException)
        {
            return null;
        }
    }

    private static byte[]? TryOpen(byte[] kek, EnvelopeContext context, byte[] edek, EncryptedObject body, byte[] key)
    {
        byte[]? source = null;
        try
        {
            source = OfflineEdek.Plaintext(kek, context, edek);
            return Decrypt(body.SourceType, source, key, body.Data);
        }
        catch (CryptographicException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(source);
        }
    }

    private static byte[]? Decrypt(DekSourceType type, byte[] source, byte[] key, ReadOnlySpan<byte> data)
    {
        bool seed = type == DekSourceType.HkdfSha256Seed;
        int info = seed ? InfoSize : 0;
        if (data.Length < info + NonceSize + TagSize || (seed ? source.Length < SeedSize : source.Length is not (16 or 24 or 32)))
        {
            return null;
        }

        byte[] dek = seed ? HKDF.Expand(HashAlgorithmName.SHA256, source, 32, data[..InfoSize].ToArray()) : source;
        try
        {
            ReadOnlySpan<byte> rest = data[info..];
            byte[] plaintext = new byte[rest.Length - NonceSize - TagSize];
            using AesGcm gcm = new(dek, TagSize);
            gcm.Decrypt(rest[..NonceSize], rest[NonceSize..^TagSize], rest[^TagSize..], plaintext, key);
            return plaintext;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dek);
        }
    }
}
