namespace Cloister.Enclave.Gateway;

/// <summary>The messages of etcd's v3 API that can carry values, and those nested in them. Source: etcd, rpc.proto and kv.proto. secrets: none.</summary>
public enum EtcdMessage
{
    /// <summary>Read no further: nothing in it is rewritten.</summary>
    Opaque,

    /// <summary>etcdserverpb.RangeRequest; carries no value.</summary>
    RangeRequest,

    /// <summary>etcdserverpb.PutRequest.</summary>
    PutRequest,

    /// <summary>etcdserverpb.TxnRequest.</summary>
    TxnRequest,

    /// <summary>etcdserverpb.RangeResponse.</summary>
    RangeResponse,

    /// <summary>etcdserverpb.RangeStreamResponse.</summary>
    RangeStreamResponse,

    /// <summary>etcdserverpb.PutResponse.</summary>
    PutResponse,

    /// <summary>etcdserverpb.DeleteRangeResponse.</summary>
    DeleteRangeResponse,

    /// <summary>etcdserverpb.TxnResponse.</summary>
    TxnResponse,

    /// <summary>etcdserverpb.WatchResponse.</summary>
    WatchResponse,

    /// <summary>etcdserverpb.RequestOp, in a TxnRequest.</summary>
    RequestOp,

    /// <summary>etcdserverpb.Compare, in a TxnRequest.</summary>
    Compare,

    /// <summary>etcdserverpb.ResponseOp, in a TxnResponse.</summary>
    ResponseOp,

    /// <summary>mvccpb.Event, in a WatchResponse.</summary>
    Event,

    /// <summary>mvccpb.KeyValue, in every response.</summary>
    KeyValue,
}
