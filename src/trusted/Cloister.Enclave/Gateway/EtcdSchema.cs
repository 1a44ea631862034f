namespace Cloister.Enclave.Gateway;

/// <summary>
/// Where values stand in etcd's messages: the field numbers that matter, and nothing else. Source: etcd, rpc.proto and kv.proto. secrets: none.
/// </summary>
internal static class EtcdSchema
{
    internal const int KeyField = 1;

    /// <summary>A message nested in a field, or <see cref="EtcdMessage.Opaque"/>.</summary>
    internal static EtcdMessage Nested(EtcdMessage message, int field) => (message, field) switch
    {
        (EtcdMessage.TxnRequest, 1) => EtcdMessage.Compare,
        (EtcdMessage.TxnRequest, 2 or 3) => EtcdMessage.RequestOp,
        (EtcdMessage.RequestOp, 2) => EtcdMessage.PutRequest,
        (EtcdMessage.RequestOp, 4) => EtcdMessage.TxnRequest,
        (EtcdMessage.RangeResponse, 2) => EtcdMessage.KeyValue,
        (EtcdMessage.RangeStreamResponse, 1) => EtcdMessage.RangeResponse,
        (EtcdMessage.PutResponse, 2) => EtcdMessage.KeyValue,
        (EtcdMessage.DeleteRangeResponse, 3) => EtcdMessage.KeyValue,
        (EtcdMessage.TxnResponse, 3) => EtcdMessage.ResponseOp,
        (EtcdMessage.ResponseOp, 1) => EtcdMessage.RangeResponse,
        (EtcdMessage.ResponseOp, 2) => EtcdMessage.PutResponse,
        (EtcdMessage.ResponseOp, 3) => EtcdMessage.DeleteRangeResponse,
        (EtcdMessage.ResponseOp, 4) => EtcdMessage.TxnResponse,
        (EtcdMessage.WatchResponse, 11) => EtcdMessage.Event,
        (EtcdMessage.Event, 2 or 3) => EtcdMessage.KeyValue,
        _ => EtcdMessage.Opaque,
    };

    /// <summary>
    /// True when that field may occur once, alone of its oneof. Protobuf libraries differ on a second one (some merge, some replace), so what
    /// etcd would make of it cannot be told; a key in the first and a value in the second would pass uncovered.
    /// </summary>
    internal static bool OccursOnce(EtcdMessage message, int field) =>
        IsOneof(message) ? field is >= 1 and <= 4 : (message, field) is (EtcdMessage.Event, 2 or 3) or (EtcdMessage.PutResponse, 2) or (EtcdMessage.RangeStreamResponse, 1);

    /// <summary>True for messages that are one choice of several: fields 1 to 4.</summary>
    internal static bool IsOneof(EtcdMessage message) => message is EtcdMessage.RequestOp or EtcdMessage.ResponseOp;

    /// <summary>The field with the value, or 0.</summary>
    internal static int ValueField(EtcdMessage message) => message switch
    {
        EtcdMessage.PutRequest => 2,
        EtcdMessage.KeyValue => 5,
        _ => 0,
    };

    /// <summary>True for what an API server sends, false for what etcd sends.</summary>
    internal static bool IsRequest(EtcdMessage message) => message is EtcdMessage.RangeRequest or EtcdMessage.PutRequest or EtcdMessage.TxnRequest;
}
