using System.Net.Security;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Gramine.Tests.Ground;

/// <summary>An API server's etcd client on the gateway.</summary>
internal sealed class GatewayClient : IDisposable
{
    private const string Prefix = "/registry/secrets/default/";
    private static readonly TimeSpan CallLimit = TimeSpan.FromMinutes(2);

    private readonly GrpcChannel _channel;
    private readonly KV.KVClient _kv;

    internal GatewayClient(string url, SslClientAuthenticationOptions tls)
    {
        SocketsHttpHandler handler = new() { SslOptions = tls, UseProxy = false };
        _channel = GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
        _kv = new KV.KVClient(_channel);
    }

    private static CallOptions Options => new(deadline: DateTime.UtcNow + CallLimit, cancellationToken: TestContext.Current.CancellationToken);

    internal static string Key(string name) => Prefix + name;

    internal async Task<bool> ServesAsync()
    {
        try
        {
            await _kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(Key("none")) }, Options);
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    /// <summary>Writes as an API server does.</summary>
    internal async Task PutAsync(string name, byte[] value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(Key(name)), Value = UnsafeByteOperations.UnsafeWrap(value) } };
        Assert.True((await _kv.TxnAsync(new TxnRequest { Success = { put } }, Options)).Succeeded);
    }

    internal async Task<byte[]> GetAsync(string name)
    {
        RangeResponse found = await _kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(Key(name)) }, Options);
        return Assert.Single(found.Kvs).Value.ToByteArray();
    }

    /// <summary>Lists everything whose name begins so, in one answer.</summary>
    /// <returns>Keys and values.</returns>
    internal async Task<IReadOnlyList<KeyValue>> ListAsync(string names)
    {
        string from = Key(names);
        RangeRequest request = new() { Key = ByteString.CopyFromUtf8(from), RangeEnd = ByteString.CopyFromUtf8(from[..^1] + (char)(from[^1] + 1)) };
        return (await _kv.RangeAsync(request, Options)).Kvs;
    }

    public void Dispose() => _channel.Dispose();
}
