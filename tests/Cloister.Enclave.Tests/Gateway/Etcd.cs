using System.Buffers;
using System.Text;
using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Tests.Gateway;

/// <summary>etcd's messages, encoded by hand.</summary>
internal static class Etcd
{
    internal const string Covered = "/registry/secrets/default/db";

    internal delegate void Fields(ProtoWriter writer);

    internal static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    internal static byte[] Message(Fields fields)
    {
        ArrayBufferWriter<byte> output = new();
        fields(new ProtoWriter(output));
        return output.WrittenSpan.ToArray();
    }

    /// <summary>One length-delimited field, written even when it is empty.</summary>
    internal static byte[] Nested(int field, byte[] content) => Message(w => content.CopyTo(w.BytesField(field, content.Length)));

    internal static byte[] Header => Message(w =>
    {
        w.Integer(1, ulong.MaxValue);
        w.Integer(3, 77);
    });

    internal static byte[] KeyValue(string key, byte[] value) => Message(w =>
    {
        w.String(1, key);
        w.Integer(2, 5);
        w.Integer(3, 6);
        w.Integer(4, 7);
        w.Bytes(5, value);
        w.Integer(6, 8);
        w.Bytes(99, "unknown"u8);
    });

    internal static byte[] Put(string key, byte[] value) => Message(w =>
    {
        w.String(1, key);
        w.Bytes(2, value);
        w.Integer(3, 9);
    });

    internal static byte[] PutOp(string key, byte[] value) => Nested(2, Put(key, value));

    internal static byte[] Range(params byte[][] kvs) => [.. Nested(1, Header), .. kvs.SelectMany(kv => Nested(2, kv)), 0x18, 1, 0x20, 200, 1];

    internal static byte[] Txn(byte[][] compares, byte[][] success, byte[][] failure) =>
    [
        .. compares.SelectMany(c => Nested(1, c)), .. success.SelectMany(o => Nested(2, o)), .. failure.SelectMany(o => Nested(3, o)),
    ];

    internal static byte[] TxnResponse(params byte[][] ops) => [.. Nested(1, Header), 0x10, 1, .. ops.SelectMany(o => Nested(3, o))];

    internal static byte[] Compare(ulong target, string key, string rangeEnd = "") => Message(w =>
    {
        w.Integer(2, target);
        w.String(3, key);
        w.Integer(6, 4);
        w.String(64, rangeEnd);
    });

    /// <summary>A RangeRequest for one key, or for those up to an end.</summary>
    internal static byte[] Ask(string key, string rangeEnd = "", params (int Field, ulong Value)[] more) => Message(w =>
    {
        w.String(1, key);
        w.String(2, rangeEnd);
        foreach ((int field, ulong value) in more)
        {
            w.Integer(field, value);
        }
    });

    /// <summary>A RangeRequest for all Secrets.</summary>
    internal static byte[] AskAll(params (int Field, ulong Value)[] more) => Ask("/registry/secrets/", "/registry/secrets0", more);

    /// <summary>A DeleteRangeRequest.</summary>
    internal static byte[] Delete(string key, string rangeEnd = "", bool previous = true) => Message(w =>
    {
        w.String(1, key);
        w.String(2, rangeEnd);
        w.Boolean(3, previous);
    });

    /// <summary>A WatchRequest that creates a watch.</summary>
    internal static byte[] AskWatch(string key, string rangeEnd = "", bool previous = true, ulong id = 0) => Nested(1, Message(w =>
    {
        w.String(1, key);
        w.String(2, rangeEnd);
        w.Boolean(6, previous);
        w.Integer(7, id);
    }));

    /// <summary>A WatchResponse.</summary>
    internal static byte[] Watched(long id, bool created, bool canceled, params byte[][] events) =>
    [
        .. Nested(1, Header), .. Message(w =>
        {
            w.Integer(2, unchecked((ulong)id));
            w.Boolean(3, created);
            w.Boolean(4, canceled);
        }),
        .. events.SelectMany(e => Nested(11, e)),
    ];

    /// <summary>An event, with the pair from before when there is one.</summary>
    internal static byte[] Event(byte[] kv, byte[]? previous = null) => [.. Nested(2, kv), .. previous is null ? [] : Nested(3, previous)];
}
