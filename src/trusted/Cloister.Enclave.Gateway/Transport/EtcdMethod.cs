using System.Text;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The calls that an API server makes to etcd, and what is compared and rewritten in each. Everything else is refused: the gateway answers for what
/// passes it. Source: kube-apiserver, storage/etcd3. secrets: none.
/// </summary>
/// <param name="Path">What the call is named in HTTP/2.</param>
/// <param name="Request">Message in requests, <see cref="EtcdMessage.Opaque"/> when bytes pass as they are.</param>
/// <param name="Response">Message in responses.</param>
internal sealed record EtcdMethod(string Path, EtcdMessage Request, EtcdMessage Response)
{
    private static readonly EtcdMethod[] Allowed =
    [
        new("/etcdserverpb.KV/Range", EtcdMessage.RangeRequest, EtcdMessage.RangeResponse),
        new("/etcdserverpb.KV/RangeStream", EtcdMessage.RangeRequest, EtcdMessage.RangeStreamResponse),
        new("/etcdserverpb.KV/Txn", EtcdMessage.TxnRequest, EtcdMessage.TxnResponse),
        new("/etcdserverpb.KV/Compact", EtcdMessage.Opaque, EtcdMessage.Opaque),
        new("/etcdserverpb.Watch/Watch", EtcdMessage.WatchRequest, EtcdMessage.WatchResponse),
        new("/etcdserverpb.Lease/LeaseGrant", EtcdMessage.Opaque, EtcdMessage.Opaque),
        new("/etcdserverpb.Maintenance/Status", EtcdMessage.Opaque, EtcdMessage.Opaque),
    ];

    /// <summary>A member of etcd cannot carry it out alone.</summary>
    internal bool NeedsCluster { get; } = Path.StartsWith("/etcdserverpb.KV/", StringComparison.Ordinal);

    private readonly byte[] _path = Encoding.ASCII.GetBytes(Path);

    /// <summary>The method of a path, or null when it is not one of them.</summary>
    internal static EtcdMethod? Find(ReadOnlySpan<byte> path)
    {
        foreach (EtcdMethod method in Allowed)
        {
            if (path.SequenceEqual(method._path))
            {
                return method;
            }
        }

        return null;
    }
}
