using Cloister.Contracts.Etcd;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Gateway.Tests.Support;

/// <summary>etcd's calls as an API server makes them, some with messages encoded by hand.</summary>
internal sealed class RawEtcd(GrpcChannel channel) : IDisposable
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);

    internal KV.KVClient Kv { get; } = new(channel);

    internal Task<byte[]> CallAsync(string path, byte[] request, CancellationToken cancellation)
    {
        string[] parts = path.Split('/');
        Method<byte[], byte[]> method = new(MethodType.Unary, parts[1], parts[2], Bytes, Bytes);
        return channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(cancellationToken: cancellation), request).ResponseAsync;
    }

    internal AsyncDuplexStreamingCall<byte[], byte[]> Watch(CancellationToken cancellation)
    {
        Method<byte[], byte[]> method = new(MethodType.DuplexStreaming, "etcdserverpb.Watch", "Watch", Bytes, Bytes);
        return channel.CreateCallInvoker().AsyncDuplexStreamingCall(
            method, null, new CallOptions(headers: new Metadata { { "hasleader", "true" } }, cancellationToken: cancellation));
    }

    public void Dispose() => channel.Dispose();
}
