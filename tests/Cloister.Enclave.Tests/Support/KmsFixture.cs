using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Services with one KEK, and an EDEK they made of a plaintext that is easy to find.</summary>
internal sealed class KmsFixture : IDisposable
{
    private readonly SecretArena _arena = new(16);
    private readonly ManualCustody _custody;

    internal KmsFixture(byte key = 7, string cluster = "cluster-1", string provider = "cloister")
    {
        _custody = TestKeys.Custody(_arena, key, cluster, provider);
        Services = new KmsServices(_custody);
    }

    internal static byte[] Plaintext => "TOPSECRET-TOPSECRET-TOPSECRET-32"u8.ToArray();

    internal KmsServices Services { get; }

    internal string KeyId => _custody.Ring.Active!.KeyId;

    internal byte[] Fingerprint
    {
        get
        {
            byte[] bytes = new byte[16];
            _custody.Ring.Active!.Fingerprint.CopyTo(bytes);
            return bytes;
        }
    }

    public void Dispose()
    {
        _custody.Wipe();
        _arena.Dispose();
    }

    internal async Task<byte[]> EdekAsync() => (await Services.EncryptAsync(Plaintext)).Ciphertext.ToByteArray();

    internal Task<CallResult> DecryptAsync(byte[] edek, string? keyId = null) =>
        Services.DecryptAsync(ByteString.CopyFrom(edek), keyId ?? KeyId);

    internal DecryptRequest Request(byte[] edek) => new() { Ciphertext = ByteString.CopyFrom(edek), KeyId = KeyId, Uid = "u" };

    /// <summary>A message that shows nothing of a plaintext or of the protected part of an EDEK.</summary>
    internal static void ShowsNothing(string message, byte[] edek)
    {
        Assert.DoesNotContain("TOPSECRET", message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(message, c => c is < ' ' or > '~');
        for (int i = 22; i + 4 <= edek.Length; i++)
        {
            byte[] part = edek[i..(i + 4)];
            Assert.DoesNotContain(Convert.ToHexString(part), message, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String(part)[..5], message, StringComparison.Ordinal);
        }
    }
}
