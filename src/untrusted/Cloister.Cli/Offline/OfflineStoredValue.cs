using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Cli.Offline;

/// <summary>What a stored value came to.</summary>
/// <param name="Plaintext">The Secret. secrets: it.</param>
/// <param name="Layers">How many envelopes were around it: more than one when it was encrypted twice.</param>
internal sealed record OpenedValue(byte[] Plaintext, int Layers);

/// <summary>
/// Opens stored values with KEKs in hand, as docs/stored-value.md says: KMS v2 with a seed or a key, KMS v1 with AES-GCM or AES-CBC, and values that were
/// encrypted more than once. For key owners; the enclave has its own code, so that the two check each other. secrets: KEKs and plaintexts pass through.
/// </summary>
internal static class OfflineStoredValue
{
    private const int SeedSize = 32;
    private const int InfoSize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int BlockSize = 16;
    private const int MaxLayers = 4;

    /// <summary>The plaintext, or null when none of the KEKs opens it.</summary>
    /// <param name="keks">KEKs of 32 bytes.</param>
    /// <param name="cluster">Identity of the cluster.</param>
    /// <param name="providers">
    /// Names of providers that EDEKs may be bound to: those of the enclave's configuration. An API server may call it otherwise; the name in the value is
    /// tried as well.
    /// </param>
    /// <param name="key">The etcd key.</param>
    /// <param name="value">What etcd stores.</param>
    internal static OpenedValue? Open(IReadOnlyList<byte[]> keks, string cluster, IReadOnlyList<string> providers, byte[] key, ReadOnlySpan<byte> value)
    {
        byte[]? plaintext = OpenOnce(keks, cluster, providers, key, value);
        int layers = 1;
        while (plaintext is not null && plaintext.AsSpan().StartsWith("k8s:enc:"u8))
        {
            plaintext = ++layers > MaxLayers ? null : OpenOnce(keks, cluster, providers, key, plaintext);
        }

        return plaintext is null ? null : new OpenedValue(plaintext, layers);
    }

    /// <summary>The same for values of one cluster and provider.</summary>
    internal static byte[]? Open(IReadOnlyList<byte[]> keks, EnvelopeContext context, byte[] key, ReadOnlySpan<byte> value) =>
        Open(keks, context.Cluster, [context.Provider], key, value)?.Plaintext;

    private static byte[]? OpenOnce(IReadOnlyList<byte[]> keks, string cluster, IReadOnlyList<string> providers, byte[] key, ReadOnlySpan<byte> value)
    {
        try
        {
            StoredValue stored = StoredValue.Parse(value);
            if (stored.Kind is not (StoredValueKind.KmsV1 or StoredValueKind.KmsV2))
            {
                return null;
            }

            List<EnvelopeContext> contexts = [.. providers.Append(stored.Provider).Distinct().Select(name => new EnvelopeContext(EnvelopeContext.KmsPurpose, cluster, name))];
            byte[] edek = EdekOf(stored, out ReadOnlySpan<byte> data, out DekSourceType? type);
            foreach (byte[] kek in keks)
            {
                foreach (EnvelopeContext context in contexts)
                {
                    if (TryOpen(kek, context, edek, data, type, key) is { } plaintext)
                    {
                        return plaintext;
                    }
                }
            }

            return null;
        }
        catch (Exception e) when (e is WireException or ArgumentException)
        {
            return null;
        }
    }

    // Without a type it is KMS v1.
    private static byte[] EdekOf(StoredValue stored, out ReadOnlySpan<byte> data, out DekSourceType? type)
    {
        if (stored.Kind == StoredValueKind.KmsV1)
        {
            stored.SplitKmsV1(out ReadOnlySpan<byte> edek, out data);
            type = null;
            return edek.ToArray();
        }

        EncryptedObject body = EncryptedObject.Parse(stored.Body);
        data = body.Data;
        type = body.SourceType;
        return body.Edek.ToArray();
    }

    private static byte[]? TryOpen(byte[] kek, EnvelopeContext context, byte[] edek, ReadOnlySpan<byte> data, DekSourceType? type, byte[] key)
    {
        byte[]? source = null;
        try
        {
            source = OfflineEdek.Plaintext(kek, context, edek);
            return type == DekSourceType.HkdfSha256Seed ? DecryptWithSeed(source, key, data) : DecryptWithKey(source, key, data, isV1: type is null);
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

    private static byte[]? DecryptWithSeed(byte[] seed, byte[] key, ReadOnlySpan<byte> data)
    {
        if (seed.Length < SeedSize || data.Length < InfoSize)
        {
            return null;
        }

        byte[] dek = HKDF.Expand(HashAlgorithmName.SHA256, seed, 32, data[..InfoSize].ToArray());
        try
        {
            return Gcm(dek, key, data[InfoSize..]);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dek);
        }
    }

    private static byte[]? DecryptWithKey(byte[] dek, byte[] key, ReadOnlySpan<byte> data, bool isV1)
    {
        if (dek.Length is not (16 or 24 or 32))
        {
            return null;
        }

        try
        {
            return Gcm(dek, key, data);
        }
        catch (CryptographicException) when (isV1)
        {
            // API servers before 1.25.
            return Cbc(dek, data);
        }
    }

    private static byte[]? Gcm(byte[] dek, byte[] key, ReadOnlySpan<byte> data)
    {
        if (data.Length < NonceSize + TagSize)
        {
            return null;
        }

        byte[] plaintext = new byte[data.Length - NonceSize - TagSize];
        using AesGcm gcm = new(dek, TagSize);
        gcm.Decrypt(data[..NonceSize], data[NonceSize..^TagSize], data[^TagSize..], plaintext, key);
        return plaintext;
    }

    // Nothing authenticates it: it has to be an object of an API server at least.
    private static byte[]? Cbc(byte[] dek, ReadOnlySpan<byte> data)
    {
        if (data.Length < 2 * BlockSize || data.Length % BlockSize != 0)
        {
            return null;
        }

        using Aes aes = Aes.Create();
        aes.Key = dek;
        byte[] plaintext = aes.DecryptCbc(data[BlockSize..], data[..BlockSize], PaddingMode.PKCS7);
        return plaintext.AsSpan().StartsWith("k8s\0"u8) || plaintext.AsSpan().StartsWith("{"u8) ? plaintext : null;
    }
}
