using System.Text;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The calls that an API server makes to etcd, and what is rewritten in each. Everything else is refused: the gateway answers for what
/// passes it. Source: kube-apiserver, storage/etcd3. secrets: none.
/// </summary>
/// <param name="Request">Message in requests, <see cref="EtcdMessage.Opaque"/> when bytes pass as they are.</param>
/// <param name="Response">Message in responses.</param>
internal sealed record EtcdMethod(EtcdMessage Request, EtcdMessage Response)
{
    private static readonly Dictionary<string, EtcdMethod> Allowed = new()
    {
        ["/etcdserverpb.KV/Range"] = new(EtcdMessage.Opaque, EtcdMessage.RangeResponse),
        ["/etcdserverpb.KV/RangeStream"] = new(EtcdMessage.Opaque, EtcdMessage.RangeStreamResponse),
        ["/etcdserverpb.KV/Txn"] = new(EtcdMessage.TxnRequest, EtcdMessage.TxnResponse),
        ["/etcdserverpb.KV/Compact"] = new(EtcdMessage.Opaque, EtcdMessage.Opaque),
        ["/etcdserverpb.Watch/Watch"] = new(EtcdMessage.Opaque, EtcdMessage.WatchResponse),
        ["/etcdserverpb.Lease/LeaseGrant"] = new(EtcdMessage.Opaque, EtcdMessage.Opaque),
        ["/etcdserverpb.Maintenance/Status"] = new(EtcdMessage.Opaque, EtcdMessage.Opaque),
    };

    /// <summary>The method of a path, or null when it is not one of them.</summary>
    internal static EtcdMethod? Find(ReadOnlySpan<byte> path) => Allowed.GetValueOrDefault(Encoding.ASCII.GetString(path));
}
