using System.Buffers;
using System.Text;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Gateway;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>Messages of etcd's API to start from. Source: etcd, rpc.proto and kv.proto.</summary>
internal static class EtcdSeeds
{
    private const string Other = "/registry/pods/default/p";

    internal static byte[] Put(byte[] value) => [.. Text(1, StoredValues.Key), .. Bytes(2, value), .. Integer(3, 9), .. Bytes(99, "unknown"u8.ToArray())];

    /// <summary>What an API server sends to create or change an object, with a comparison, a read in the other branch and a transaction within.</summary>
    internal static byte[] Txn(byte[] value) =>
    [
        .. Bytes(1, [.. Integer(2, 2), .. Text(3, StoredValues.Key), .. Integer(6, 4)]),
        .. Bytes(2, Bytes(2, Put(value))), .. Bytes(2, Bytes(2, [.. Text(1, Other), .. Bytes(2, value)])),
        .. Bytes(3, Bytes(1, Text(1, StoredValues.Key))), .. Bytes(3, Bytes(4, Bytes(2, Bytes(2, Put(value))))),
    ];

    internal static byte[] Range(params byte[][] values) =>
        [.. Header, .. Bytes(2, KeyValue(Other, [1, 2])), .. values.SelectMany(value => Bytes(2, KeyValue(StoredValues.Key, value))), .. Integer(3, 1), .. Integer(4, 200)];

    internal static byte[] RangeStream(byte[] value) => Bytes(1, Range(value));

    internal static byte[] PutResponse(byte[] value) => [.. Header, .. Bytes(2, KeyValue(StoredValues.Key, value))];

    internal static byte[] DeleteResponse(byte[] value) => [.. Header, .. Integer(2, 1), .. Bytes(3, KeyValue(StoredValues.Key, value))];

    internal static byte[] TxnResponse(byte[] value) =>
    [
        .. Header, .. Integer(2, 1), .. Bytes(3, Bytes(1, Range(value))), .. Bytes(3, Bytes(2, PutResponse(value))),
        .. Bytes(3, Bytes(3, DeleteResponse(value))), .. Bytes(3, Bytes(4, Bytes(3, Bytes(1, Range(value))))),
    ];

    internal static byte[] Watch(byte[] value, byte[] before) =>
    [
        .. Header, .. Integer(2, 7), .. Bytes(11, [.. Integer(1, 0), .. Bytes(2, KeyValue(StoredValues.Key, value)), .. Bytes(3, KeyValue(StoredValues.Key, before))]),
        .. Bytes(11, [.. Integer(1, 1), .. Bytes(2, KeyValue(Other, []))]),
    ];

    /// <summary>That a watch is there.</summary>
    internal static byte[] Watching => [.. Header, .. Integer(2, 7), .. Integer(3, 1)];

    internal static byte[] RangeRequest => [.. Text(1, StoredValues.Key), .. Text(2, "/registry/secrets0"), .. Integer(3, 500)];

    internal static byte[] DeleteRequest => [.. Text(1, StoredValues.Key), .. Integer(3, 1)];

    internal static byte[] WatchRequest => Bytes(1, [.. Text(1, StoredValues.Key), .. Text(2, "/registry/secrets0"), .. Integer(6, 1), .. Integer(7, 7)]);

    /// <summary>Asks for what an answer of these seeds has: of one Secret, or of all that there is, in any order.</summary>
    internal static (EtcdMessage Kind, byte[] Request) Ask(EtcdMessage answer, bool one)
    {
        byte[] keys = one ? Text(1, StoredValues.Key) : [.. Text(1, "/registry/"), .. Text(2, "/registry0")];
        byte[] range = one ? keys : [.. keys, .. Integer(6, 1)];
        byte[] put = [.. Text(1, StoredValues.Key), .. Integer(4, 1)];
        byte[] delete = [.. keys, .. Integer(3, 1)];
        return answer switch
        {
            EtcdMessage.PutResponse => (EtcdMessage.PutRequest, put),
            EtcdMessage.DeleteRangeResponse => (EtcdMessage.DeleteRangeRequest, delete),
            EtcdMessage.WatchResponse => (EtcdMessage.WatchRequest, Bytes(1, [.. keys, .. Integer(6, 1), .. Integer(7, 7)])),
            EtcdMessage.TxnResponse => (
                EtcdMessage.TxnRequest,
                [.. Bytes(2, Bytes(1, range)), .. Bytes(2, Bytes(2, put)), .. Bytes(2, Bytes(3, delete)), .. Bytes(2, Bytes(4, Bytes(3, Bytes(1, range))))]),
            _ => (EtcdMessage.RangeRequest, range),
        };
    }

    private static byte[] Header => Bytes(1, [.. Integer(1, ulong.MaxValue), .. Integer(3, 77)]);

    private static byte[] KeyValue(string key, byte[] value) =>
        [.. Text(1, key), .. Integer(2, 5), .. Integer(3, 6), .. Integer(4, 7), .. Bytes(5, value), .. Integer(6, 8)];

    private static byte[] Text(int field, string text) => Bytes(field, Encoding.ASCII.GetBytes(text));

    private static byte[] Bytes(int field, byte[] content)
    {
        ArrayBufferWriter<byte> output = new();
        content.CopyTo(new ProtoWriter(output).BytesField(field, content.Length));
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Integer(int field, ulong value)
    {
        ArrayBufferWriter<byte> output = new();
        new ProtoWriter(output).Integer(field, value);
        return output.WrittenSpan.ToArray();
    }
}
