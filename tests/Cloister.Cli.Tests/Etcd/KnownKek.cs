using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;
using Cloister.Xaes;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>A KEK that the test has, and values of every format that an API server ever wrote under it, which open.</summary>
internal sealed class KnownKek(byte[] key, string keyId)
{
    internal const string Cluster = "dev";

    internal string KeyId => keyId;

    internal byte[] Key => key;

    internal byte[] Edek(string provider, byte[] payload)
    {
        Assert.True(Contracts.Keys.KeyId.TryParse(keyId, out KeyFingerprint fingerprint));
        byte[] head = new byte[Contracts.Envelope.Edek.BoundSize(EdekSuite.Kek, 0)];
        Contracts.Envelope.Edek.WriteBound(head, EdekSuite.Kek, fingerprint, default);
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, Cluster, provider);
        byte[] aad = new byte[context.AadSize(head.Length)];
        context.WriteAad(aad, head);
        return [.. head, .. PortableXaes.Encrypt(key, payload, aad)];
    }

    /// <summary>KMS v1 as API servers write it since 1.25, or before with AES-CBC.</summary>
    internal byte[] KmsV1(string provider, string etcdKey, string plaintext, bool cbc = false)
    {
        byte[] dek = RandomNumberGenerator.GetBytes(32);
        byte[] edek = Edek(provider, dek);
        byte[] length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)edek.Length);
        return [.. Encoding.UTF8.GetBytes($"k8s:enc:kms:v1:{provider}:"), .. length, .. edek, .. cbc ? Cbc(dek, plaintext) : Gcm(dek, etcdKey, plaintext)];
    }

    /// <summary>KMS v2 with a seed, as since 1.29, or a key as before; with an annotation.</summary>
    internal byte[] KmsV2(string provider, string etcdKey, byte[] plaintext, bool seed = true)
    {
        byte[] source = RandomNumberGenerator.GetBytes(32);
        byte[] info = RandomNumberGenerator.GetBytes(32);
        byte[] data = seed
            ? [.. info, .. Gcm(HKDF.Expand(HashAlgorithmName.SHA256, source, 32, info), etcdKey, plaintext)]
            : Gcm(source, etcdKey, plaintext);
        ArrayBufferWriter<byte> annotation = new();
        ProtoWriter entry = new(annotation);
        entry.String(1, "note.example.com");
        entry.Bytes(2, [1, 2, 3]);
        ArrayBufferWriter<byte> body = new();
        ProtoWriter writer = new(body);
        writer.Bytes(1, data);
        writer.String(2, keyId);
        writer.Bytes(3, Edek(provider, source));
        writer.Bytes(4, annotation.WrittenSpan);
        writer.Integer(5, seed ? 1ul : 0);
        return [.. StoredValue.KmsV2PrefixFor(provider), .. body.WrittenSpan];
    }

    internal byte[] KmsV2(string provider, string etcdKey, string plaintext, bool seed = true) => KmsV2(provider, etcdKey, Encoding.UTF8.GetBytes(plaintext), seed);

    private static byte[] Gcm(byte[] dek, string etcdKey, string plaintext) => Gcm(dek, etcdKey, Encoding.UTF8.GetBytes(plaintext));

    private static byte[] Gcm(byte[] dek, string etcdKey, byte[] plaintext)
    {
        byte[] nonce = RandomNumberGenerator.GetBytes(12);
        byte[] ciphertext = new byte[plaintext.Length];
        byte[] tag = new byte[16];
        using AesGcm gcm = new(dek, tag.Length);
        gcm.Encrypt(nonce, plaintext, ciphertext, tag, Encoding.UTF8.GetBytes(etcdKey));
        return [.. nonce, .. ciphertext, .. tag];
    }

    private static byte[] Cbc(byte[] dek, string plaintext)
    {
        byte[] iv = RandomNumberGenerator.GetBytes(16);
        using Aes aes = Aes.Create();
        aes.Key = dek;
        return [.. iv, .. aes.EncryptCbc(Encoding.UTF8.GetBytes(plaintext), iv)];
    }
}
