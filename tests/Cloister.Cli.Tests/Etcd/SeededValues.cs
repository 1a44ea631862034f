using System.Buffers;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>Values of every kind, of the right shape; nothing in them opens.</summary>
internal static class SeededValues
{
    internal static string KeyId(byte kek) => Contracts.Keys.KeyId.Format(Fingerprint(kek));

    internal static byte[] Edek(byte kek)
    {
        byte[] edek = new byte[94];
        Contracts.Envelope.Edek.WriteBound(edek, EdekSuite.Kek, Fingerprint(kek), default);
        return edek;
    }

    internal static byte[] Ours(string provider, byte kek) => KmsV2(provider, KeyId(kek), Edek(kek));

    // Source type 1: info 32, nonce 12, tag 16.
    internal static byte[] KmsV2(string provider, string keyId, byte[] edek, int data = 60)
    {
        ArrayBufferWriter<byte> body = new();
        EncryptedObject.Write(body, new byte[data], keyId, edek);
        return [.. StoredValue.KmsV2PrefixFor(provider), .. body.WrittenSpan];
    }

    internal static byte[] Local(string scheme, string key, int length) => [.. Encoding.UTF8.GetBytes($"k8s:enc:{scheme}:v1:{key}:"), .. new byte[length]];

    private static KeyFingerprint Fingerprint(byte kek) => new(Enumerable.Repeat(kek, KeyFingerprint.Size).ToArray());
}
