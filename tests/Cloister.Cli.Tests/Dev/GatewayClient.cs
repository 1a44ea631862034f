using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Dev;

/// <summary>Reads and writes through the gateway of a <c>cloister dev</c> folder, with the files that are for an API server.</summary>
internal sealed class GatewayClient : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly KV.KVClient _kv;

    internal GatewayClient(ScratchFolder folder, string dev)
    {
        string url = File.ReadAllText(folder[$"{dev}/gateway/url"]);
        EtcdOptions options = EtcdOptions.Create(url, folder[$"{dev}/gateway/ca.crt"], folder[$"{dev}/gateway/client.crt"], folder[$"{dev}/gateway/client.key"]);
        _channel = GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = EtcdTls.Create(options) }, DisposeHttpClient = true });
        _kv = new KV.KVClient(_channel);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _channel.Dispose();

    internal async Task PutAsync(string key, string value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) } };
        await _kv.TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop);
    }

    internal async Task<string> GetAsync(string key)
    {
        RangeResponse found = await _kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) }, cancellationToken: Stop);
        return Assert.Single(found.Kvs).Value.ToString(System.Text.Encoding.Latin1);
    }

    /// <summary>Every value under the Secrets prefix, in one list as an API server asks for it.</summary>
    internal async Task<IReadOnlyList<string>> ListAsync()
    {
        RangeRequest request = new() { Key = ByteString.CopyFromUtf8("/registry/secrets/"), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets0") };
        return [.. (await _kv.RangeAsync(request, cancellationToken: Stop)).Kvs.Select(found => found.Value.ToString(System.Text.Encoding.Latin1))];
    }
}
