using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Cloister.Contracts.Wire;

namespace Cloister.Contracts.StoredValues;

/// <summary>
/// A value as an API server stores it in etcd, read in place: which provider wrote it, and the parts of the KMS formats.
/// Source: k8s.io/apiserver, value/encrypt/envelope; docs/stored-value.md.
/// </summary>
public readonly ref struct StoredValue
{
    private StoredValue(StoredValueKind kind, string provider, ReadOnlySpan<byte> body)
    {
        Kind = kind;
        Provider = provider;
        Body = body;
    }

    private static ReadOnlySpan<byte> EncryptionPrefix => "k8s:enc:"u8;

    private static ReadOnlySpan<byte> KmsV1Prefix => "k8s:enc:kms:v1:"u8;

    private static ReadOnlySpan<byte> KmsV2Prefix => "k8s:enc:kms:v2:"u8;

    /// <summary>How it is stored.</summary>
    public StoredValueKind Kind { get; }

    /// <summary>The provider's name (KMS) or the key's name (aescbc, aesgcm, secretbox); empty for plaintext.</summary>
    public string Provider { get; }

    /// <summary>What follows the prefix; the whole value when it is plaintext.</summary>
    public ReadOnlySpan<byte> Body { get; }

    /// <summary>Tells the kind and finds the provider; the body is not looked at.</summary>
    /// <exception cref="WireException">An encryption prefix without a provider name.</exception>
    public static StoredValue Parse(ReadOnlySpan<byte> value)
    {
        if (!value.StartsWith(EncryptionPrefix))
        {
            return new StoredValue(StoredValueKind.Plaintext, "", value);
        }

        return value switch
        {
            _ when value.StartsWith(KmsV2Prefix) => Named(StoredValueKind.KmsV2, value, KmsV2Prefix.Length),
            _ when value.StartsWith(KmsV1Prefix) => Named(StoredValueKind.KmsV1, value, KmsV1Prefix.Length),
            _ when value.StartsWith("k8s:enc:aescbc:v1:"u8) => Named(StoredValueKind.AesCbc, value, "k8s:enc:aescbc:v1:".Length),
            _ when value.StartsWith("k8s:enc:aesgcm:v1:"u8) => Named(StoredValueKind.AesGcm, value, "k8s:enc:aesgcm:v1:".Length),
            _ when value.StartsWith("k8s:enc:secretbox:v1:"u8) => Named(StoredValueKind.Secretbox, value, "k8s:enc:secretbox:v1:".Length),
            _ => new StoredValue(StoredValueKind.Unknown, "", value[EncryptionPrefix.Length..]),
        };
    }

    /// <summary>The prefix of values that a KMS v2 provider of that name writes.</summary>
    public static byte[] KmsV2PrefixFor(string provider) => [.. KmsV2Prefix, .. Encoding.UTF8.GetBytes(provider), (byte)':'];

    /// <summary>The prefix of values that a KMS v1 provider of that name writes.</summary>
    public static byte[] KmsV1PrefixFor(string provider) => [.. KmsV1Prefix, .. Encoding.UTF8.GetBytes(provider), (byte)':'];

    /// <summary>Splits the body of a KMS v1 value.</summary>
    /// <param name="edek">The encrypted DEK.</param>
    /// <param name="data">Nonce (12), ciphertext and tag (16).</param>
    /// <exception cref="WireException">Not a KMS v1 value, or truncated.</exception>
    public void SplitKmsV1(out ReadOnlySpan<byte> edek, out ReadOnlySpan<byte> data)
    {
        if (Kind != StoredValueKind.KmsV1 || Body.Length < 2)
        {
            throw new WireException("KMS v1 value is truncated", Body.Length);
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(Body);
        if (length == 0 || length > Body.Length - 2)
        {
            throw new WireException("length of the encrypted DEK is out of range", 0);
        }

        edek = Body.Slice(2, length);
        data = Body[(2 + length)..];
    }

    private static StoredValue Named(StoredValueKind kind, ReadOnlySpan<byte> value, int nameStart)
    {
        int length = value[nameStart..].IndexOf((byte)':');
        if (length <= 0 || !Utf8.IsValid(value.Slice(nameStart, length)))
        {
            throw new WireException("encryption prefix has no provider name", nameStart);
        }

        return new StoredValue(kind, Encoding.UTF8.GetString(value.Slice(nameStart, length)), value[(nameStart + length + 1)..]);
    }
}
