using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.SecretsV1;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>Writes Secrets into etcd as a changed API server does, and reads them back.</summary>
internal sealed class SecretsClient : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Secrets.SecretsClient _client;
    private readonly EtcdProcess _etcd;

    internal SecretsClient(DevEnclave dev, EtcdProcess etcd)
    {
        _channel = EnclaveChannel.Open((string)dev.Ready["secretsSocket"]!);
        _client = new Secrets.SecretsClient(_channel);
        _etcd = etcd;
    }

    internal static string Key(string name) => $"/registry/secrets/ns/{name}";

    public void Dispose() => _channel.Dispose();

    internal async Task<byte[]> EncryptAsync(string name, string value)
    {
        EncryptRequest request = new() { Key = ByteString.CopyFromUtf8(Key(name)), Plaintext = ByteString.CopyFromUtf8(value) };
        return (await _client.EncryptAsync(request)).Stored.ToByteArray();
    }

    internal async Task PutAsync(string name, string value) => await _etcd.PutAsync(Key(name), await EncryptAsync(name, value));

    /// <summary>What is in etcd, opened by the enclave, with its key_id.</summary>
    internal async Task<(string Value, string KeyId)> GetAsync(string name)
    {
        KeyValue stored = await _etcd.GetAsync(Key(name));
        DecryptResponse opened = await _client.DecryptAsync(new DecryptRequest { Key = stored.Key, Stored = stored.Value });
        return (opened.Plaintext.ToStringUtf8(), opened.KeyId);
    }
}
