namespace Cloister.Enclave.Gateway;

/// <summary>
/// Where values stand in etcd's messages: the field numbers that matter, and nothing else. Source: etcd, rpc.proto and kv.proto. secrets: none.
/// </summary>
internal static class EtcdSchema
{
    internal const int KeyField = 1;

    /// <summary>Field of PutRequest with its value.</summary>
    internal const int PutValueField = 2;

    /// <summary>Field of KeyValue with the revision of its last change.</summary>
    internal const int ModRevisionField = 3;

    /// <summary>Field of KeyValue with its value.</summary>
    internal const int PairValueField = 5;

    /// <summary>The request in a field of RequestOp, or <see cref="EtcdMessage.Opaque"/>. Its response has the same field in ResponseOp.</summary>
    internal static EtcdMessage Operation(int field) => field switch
    {
        1 => EtcdMessage.RangeRequest,
        2 => EtcdMessage.PutRequest,
        3 => EtcdMessage.DeleteRangeRequest,
        4 => EtcdMessage.TxnRequest,
        _ => EtcdMessage.Opaque,
    };

    /// <summary>True for what an API server sends, false for what etcd sends.</summary>
    internal static bool IsRequest(EtcdMessage message) => message
        is EtcdMessage.RangeRequest or EtcdMessage.PutRequest or EtcdMessage.DeleteRangeRequest or EtcdMessage.TxnRequest or EtcdMessage.WatchRequest;
}
