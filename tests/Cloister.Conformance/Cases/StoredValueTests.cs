using System.Security.Cryptography;
using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.StoredValues;
using Google.Protobuf;
using Grpc.Net.Client;
using WireObject = Cloister.Contracts.StoredValueV2.EncryptedObject;

namespace Cloister.Conformance.Cases;

/// <summary>What a real API server stored, taken apart by our codec and opened with the seed that the plugin unwraps.</summary>
public sealed class StoredValueTests
{
    private const int InfoSize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stored_value_opens_with_the_seed_from_the_plugin()
    {
        await using Cluster cluster = await Cluster.StartAsync(Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("parsed", "in the stored object", Cancellation)).EnsureSuccess();
        byte[] stored = await cluster.StoredAsync("parsed", Cancellation);

        byte[] seed = await UnwrapAsync(cluster.Plugin.Socket, RequestFor(stored, cluster.Plugin.ProviderName));
        Assert.Equal(32, seed.Length);
        byte[] plaintext = Open(stored, seed, Cluster.StorageKey("parsed"));
        Assert.True(plaintext.AsSpan().StartsWith("k8s\0"u8));
        Assert.Contains("in the stored object", Encoding.Latin1.GetString(plaintext), StringComparison.Ordinal);
        Assert.Throws<AuthenticationTagMismatchException>(() => Open(stored, seed, Cluster.StorageKey("other")));
    }

    private static DecryptRequest RequestFor(byte[] stored, string provider)
    {
        StoredValue value = StoredValue.Parse(stored);
        Assert.Equal(StoredValueKind.KmsV2, value.Kind);
        Assert.Equal(provider, value.Provider);
        EncryptedObject parsed = EncryptedObject.Parse(value.Body);
        Assert.Equal(DekSourceType.HkdfSha256Seed, parsed.SourceType);
        DecryptRequest request = new()
        {
            Ciphertext = ByteString.CopyFrom(parsed.Edek),
            KeyId = parsed.KeyIdText,
            Uid = "conformance",
        };
        request.Annotations.Add(WireObject.Parser.ParseFrom(value.Body).Annotations);
        return request;
    }

    private static byte[] Open(byte[] stored, byte[] seed, string storageKey)
    {
        ReadOnlySpan<byte> data = EncryptedObject.Parse(StoredValue.Parse(stored).Body).Data;
        byte[] dek = HKDF.Expand(HashAlgorithmName.SHA256, seed, 32, data[..InfoSize].ToArray());
        ReadOnlySpan<byte> nonce = data.Slice(InfoSize, NonceSize);
        ReadOnlySpan<byte> ciphertext = data[(InfoSize + NonceSize)..^TagSize];
        byte[] plaintext = new byte[ciphertext.Length];
        using AesGcm aead = new(dek, TagSize);
        aead.Decrypt(nonce, ciphertext, data[^TagSize..], plaintext, Encoding.UTF8.GetBytes(storageKey));
        return plaintext;
    }

    private static async Task<byte[]> UnwrapAsync(string path, DecryptRequest request)
    {
        using GrpcChannel channel = UnixChannel.To(path);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        DecryptResponse response = await client.DecryptAsync(request, cancellationToken: Cancellation);
        return response.Plaintext.ToByteArray();
    }
}
