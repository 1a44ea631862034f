using System.Buffers;
using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Keys.Envelope;
using Google.Protobuf;
using Grpc.Net.Client;
using WireObject = Cloister.Contracts.StoredValueV2.EncryptedObject;

namespace Cloister.Conformance.Cases;

/// <summary>Our codec against a real API server, in both directions, with the seed that the plugin unwraps.</summary>
public abstract class StoredValueCases(Way way)
{
    private const string Name = "parsed";
    private const string Theirs = "written by them";
    private const string Ours = "written by us !";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Our_codec_opens_what_an_api_server_stored()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        byte[] stored = await StoreAsync(cluster);
        byte[] seed = await UnwrapAsync(cluster, stored);

        byte[]? plaintext = Open(stored, seed, Cluster.StorageKey(Name));
        Assert.NotNull(plaintext);
        Assert.True(plaintext.AsSpan().StartsWith("k8s\0"u8));
        Assert.Contains(Theirs, Encoding.Latin1.GetString(plaintext), StringComparison.Ordinal);
        Assert.Null(Open(stored, seed, Cluster.StorageKey("another")));
    }

    [Fact]
    public async Task An_api_server_opens_what_our_codec_stored()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        byte[] stored = await StoreAsync(cluster);
        byte[] seed = await UnwrapAsync(cluster, stored);
        byte[] plaintext = Open(stored, seed, Cluster.StorageKey(Name))!;
        int at = plaintext.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Theirs));
        Encoding.UTF8.GetBytes(Ours).CopyTo(plaintext, at);

        await cluster.Etcd.PutAsync(Cluster.StorageKey(Name), Close(stored, seed, plaintext), Cancellation);
        Assert.Equal(Ours, await cluster.Kubectl.ReadSecretAsync(Name, Cancellation));
        await cluster.RestartApiServerAsync(Cancellation);
        Assert.Equal(Ours, await cluster.Kubectl.ReadSecretAsync(Name, Cancellation));
    }

    private static async Task<byte[]> StoreAsync(Cluster cluster)
    {
        (await cluster.Kubectl.CreateSecretAsync(Name, Theirs, Cancellation)).EnsureSuccess();
        return await cluster.StoredAsync(Name, Cancellation);
    }

    private static async Task<byte[]> UnwrapAsync(Cluster cluster, byte[] stored)
    {
        DecryptRequest request = RequestFor(stored, cluster.Plugin.ProviderName);
        using GrpcChannel channel = UnixChannel.To(cluster.Plugin.Socket);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        DecryptResponse response = await client.DecryptAsync(request, cancellationToken: Cancellation);
        Assert.Equal(StoredValueCipher.SeedSize, response.Plaintext.Length);
        return response.Plaintext.ToByteArray();
    }

    private static DecryptRequest RequestFor(byte[] stored, string provider)
    {
        StoredValue value = StoredValue.Parse(stored);
        Assert.Equal(StoredValueKind.KmsV2, value.Kind);
        Assert.Equal(provider, value.Provider);
        EncryptedObject parsed = EncryptedObject.Parse(value.Body);
        Assert.Equal(DekSourceType.HkdfSha256Seed, parsed.SourceType);
        DecryptRequest request = new() { Ciphertext = ByteString.CopyFrom(parsed.Edek), KeyId = parsed.KeyIdText, Uid = "conformance" };
        request.Annotations.Add(WireObject.Parser.ParseFrom(value.Body).Annotations);
        return request;
    }

    private static byte[]? Open(byte[] stored, byte[] seed, string storageKey)
    {
        EncryptedObject parsed = EncryptedObject.Parse(StoredValue.Parse(stored).Body);
        return StoredValueCipher.Decrypt(parsed.SourceType, seed, Encoding.UTF8.GetBytes(storageKey), parsed.Data);
    }

    // With the EDEK and key_id of the value that was there.
    private static byte[] Close(byte[] stored, byte[] seed, byte[] plaintext)
    {
        StoredValue value = StoredValue.Parse(stored);
        EncryptedObject parsed = EncryptedObject.Parse(value.Body);
        byte[] data = new byte[plaintext.Length + StoredValueCipher.Overhead];
        StoredValueCipher.Encrypt(seed, Encoding.UTF8.GetBytes(Cluster.StorageKey(Name)), plaintext, data);
        ArrayBufferWriter<byte> output = new();
        output.Write(StoredValue.KmsV2PrefixFor(value.Provider));
        EncryptedObject.Write(output, data, parsed.KeyIdText, parsed.Edek);
        return output.WrittenSpan.ToArray();
    }
}

public sealed class StoredValueTests() : StoredValueCases(Way.Direct);

public sealed class RelayedStoredValueTests() : StoredValueCases(Way.Relay);
