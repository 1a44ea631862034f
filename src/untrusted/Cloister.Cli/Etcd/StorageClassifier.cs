using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Cli.Etcd;

/// <summary>
/// Tells how a value is stored. Nothing is decrypted, so "encrypted" says what the API server would try, not that it succeeds.
/// secrets: the value may be a Secret in clear; no part of its body is kept or told.
/// </summary>
internal static class StorageClassifier
{
    private const int GcmSize = 12 + 16;
    private const int CbcBlock = 16;
    private const int SecretboxSize = 24 + 16;
    private const int InfoSize = 32;

    private static ReadOnlySpan<byte> EdekMagic => "CLED"u8;

    internal static Storage Classify(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return new Storage(StorageKind.Malformed);
        }

        StoredValue stored;
        try
        {
            stored = StoredValue.Parse(value);
        }
        catch (WireException)
        {
            return new Storage(StorageKind.Malformed);
        }

        return stored.Kind switch
        {
            StoredValueKind.Plaintext => new Storage(Plaintext(value)),
            StoredValueKind.AesCbc => Sized(StorageKind.AesCbc, stored, stored.Body.Length >= 2 * CbcBlock && stored.Body.Length % CbcBlock == 0),
            StoredValueKind.AesGcm => Sized(StorageKind.AesGcm, stored, stored.Body.Length >= GcmSize),
            StoredValueKind.Secretbox => Sized(StorageKind.Secretbox, stored, stored.Body.Length >= SecretboxSize),
            StoredValueKind.KmsV1 => KmsV1(stored),
            StoredValueKind.KmsV2 => KmsV2(stored),
            _ => new Storage(StorageKind.Unknown),
        };
    }

    private static StorageKind Plaintext(ReadOnlySpan<byte> value)
    {
        if (value.StartsWith("k8s\0"u8))
        {
            return StorageKind.PlaintextProtobuf;
        }

        return value.TrimStart(" \t\r\n"u8).StartsWith("{"u8) ? StorageKind.PlaintextJson : StorageKind.Identity;
    }

    private static Storage Sized(StorageKind kind, StoredValue stored, bool longEnough) =>
        new(longEnough ? kind : StorageKind.Malformed, stored.Provider);

    private static Storage KmsV1(StoredValue stored)
    {
        try
        {
            stored.SplitKmsV1(out ReadOnlySpan<byte> edek, out ReadOnlySpan<byte> data);
            return data.Length >= GcmSize
                ? new Storage(StorageKind.KmsV1, stored.Provider, "", Kek(edek))
                : new Storage(StorageKind.Malformed, stored.Provider);
        }
        catch (WireException)
        {
            return new Storage(StorageKind.Malformed, stored.Provider);
        }
    }

    private static Storage KmsV2(StoredValue stored)
    {
        try
        {
            EncryptedObject body = EncryptedObject.Parse(stored.Body);
            int least = body.SourceType == DekSourceType.HkdfSha256Seed ? InfoSize + GcmSize : GcmSize;
            string kek = Kek(body.Edek);

            // Decrypt refuses a key_id that does not name the KEK in the EDEK's header: such a value is lost, not covered.
            bool named = kek.Length == 0 || body.KeyIdText == KeyId.Prefix + kek;
            return body.Data.Length >= least && named
                ? new Storage(StorageKind.KmsV2, stored.Provider, body.KeyIdText, kek)
                : new Storage(StorageKind.Malformed, stored.Provider);
        }
        catch (WireException)
        {
            return new Storage(StorageKind.Malformed, stored.Provider);
        }
    }

    // An EDEK of another plugin may be anything; one that begins like ours has to be ours to the last byte.
    private static string Kek(ReadOnlySpan<byte> edek) => edek.StartsWith(EdekMagic) ? Edek.Parse(edek).Kek.ToString()[KeyId.Prefix.Length..] : "";
}
