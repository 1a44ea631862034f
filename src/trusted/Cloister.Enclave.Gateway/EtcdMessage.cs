namespace Cloister.Enclave.Gateway;

/// <summary>The messages of etcd's v3 API that ask for pairs or can carry values. Source: etcd, rpc.proto. secrets: none.</summary>
public enum EtcdMessage
{
    /// <summary>Read no further: nothing in it is compared or rewritten.</summary>
    Opaque,

    /// <summary>etcdserverpb.RangeRequest; carries no value.</summary>
    RangeRequest,

    /// <summary>etcdserverpb.PutRequest.</summary>
    PutRequest,

    /// <summary>etcdserverpb.DeleteRangeRequest; carries no value.</summary>
    DeleteRangeRequest,

    /// <summary>etcdserverpb.TxnRequest.</summary>
    TxnRequest,

    /// <summary>etcdserverpb.WatchRequest; carries no value.</summary>
    WatchRequest,

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
}
