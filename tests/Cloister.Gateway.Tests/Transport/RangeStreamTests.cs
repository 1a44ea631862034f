using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Http2.Conformance;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>RangeStream of etcd 3.7, whose part a test plays: header, count and more come with the last chunk only.</summary>
public sealed class RangeStreamTests
{
    private const string Path = "/etcdserverpb.KV/RangeStream";

    private static byte[] Clear => Etcd.KeyValue(Etcd.Covered, "TOPSECRET"u8.ToArray());

    [Fact]
    public async Task ChunksAreDecryptedAsTheyComeAndTheLastHasTheRest()
    {
        await using Pair pair = new();
        byte[] stored = pair.Stored();
        byte[] undecryptable(int i) => Etcd.KeyValue($"{Etcd.Covered}{i}", "k8s:enc:kms:v2:cloister:"u8.ToArray());
        Begin(pair);
        foreach (Func<byte[], byte[]> chunk in (Func<byte[], byte[]>[])[kv => Chunk(kv, undecryptable(1)), _ => Chunk(undecryptable(2), undecryptable(3)), _ => Etcd.Nested(1, Etcd.Range(undecryptable(4)))])
        {
            pair.Etcd.Message(3, chunk(Etcd.KeyValue(Etcd.Covered, stored)));
            Assert.Equal(chunk(Clear), pair.Client.NextMessage(3));
        }

        pair.Etcd.Headers(3, true, ("grpc-status", "0"));
        Assert.Equal("0", pair.Client.NextHeaders().Fields["grpc-status"]);
        Assert.Equal((1, 4), (pair.Gateway.Counter("gateway_values_decrypted"), pair.Gateway.Counter("gateway_values_undecryptable")));
    }

    [Fact]
    public async Task ALastChunkWithoutValuesPasses()
    {
        await using Pair pair = new();
        Begin(pair);
        byte[] last = Etcd.Nested(1, Etcd.Range());
        pair.Etcd.Message(3, last);
        pair.Etcd.Headers(3, true, ("grpc-status", "0"));
        Assert.Equal(last, pair.Client.NextMessage(3));
        Assert.Equal("0", pair.Client.NextHeaders().Fields["grpc-status"]);
    }

    [Fact]
    public async Task AnErrorInTheMiddleIsEtcdsOwn()
    {
        await using Pair pair = new();
        byte[] stored = Etcd.KeyValue(Etcd.Covered, pair.Stored());
        Begin(pair);
        pair.Etcd.Message(3, Chunk(stored));
        pair.Etcd.Headers(3, true, ("grpc-status", "11"), ("grpc-message", "etcdserver: mvcc: required revision has been compacted"));
        Assert.Equal(Chunk(Clear), pair.Client.NextMessage(3));
        (_, bool end, Dictionary<string, string> trailers) = pair.Client.NextHeaders();
        Assert.Equal((true, "11", "etcdserver: mvcc: required revision has been compacted"), (end, trailers["grpc-status"], trailers["grpc-message"]));
    }

    [Fact]
    public async Task AStreamThatEtcdBreaksOffIsBrokenOff()
    {
        await using Pair pair = new();
        byte[] stored = Etcd.KeyValue(Etcd.Covered, pair.Stored());
        Begin(pair);
        pair.Etcd.Message(3, Chunk(stored));
        Assert.Equal(Chunk(Clear), pair.Client.NextMessage(3));

        // Half a chunk, and no more of it.
        pair.Etcd.Send(FrameType.Data, 0, 3, RawPeer.Framed(Chunk(stored)).AsSpan(0, 100));
        pair.Etcd.Reset(3, Http2ErrorCode.InternalError);
        Assert.Equal(Http2ErrorCode.InternalError, RawPeer.Code(pair.Client.Next(FrameType.RstStream).Payload));
    }

    [Fact]
    public async Task OneThatEtcdDoesNotHavePasses()
    {
        await using Pair pair = new();
        pair.Client.Ask(1, Path);
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, true, [.. Call.Begun, ("grpc-status", "12"), ("grpc-message", "unknown method RangeStream for service etcdserverpb.KV")]);
        (_, bool end, Dictionary<string, string> fields) = pair.Client.NextHeaders();
        Assert.Equal((true, "12", "unknown method RangeStream for service etcdserverpb.KV"), (end, fields["grpc-status"], fields["grpc-message"]));
    }

    [Theory]
    [InlineData(Path)]
    [InlineData("/etcdserverpb.Watch/Watch")]
    public async Task OverTheBudgetTheMessageThatHasBegunIsFinishedBeforeTheStatus(string path)
    {
        // The first is half sent when the second finds no room: its rest is still owed.
        await using Pair pair = new(options => options with { Memory = 150_000 }, clientSettings: [(4, 10)]);
        bool watch = path != Path;
        pair.Client.Headers(3, false, RawPeer.Call(path));
        pair.Client.Message(3, watch ? Etcd.AskWatch("/registry/secrets/", "/registry/secrets0") : Etcd.AskAll(), end: !watch);
        pair.Etcd.NextHeaders();
        pair.Etcd.NextMessage(3);
        pair.Etcd.Headers(3, false, Call.Begun);
        pair.Client.NextHeaders();
        if (watch)
        {
            byte[] created = Etcd.Watched(0, created: true, canceled: false);
            pair.Etcd.Message(3, created);
            Assert.Equal(RawPeer.Framed(created), pair.Client.NextData(3, RawPeer.Framed(created).Length));
        }

        byte[] first = Etcd.KeyValue("/registry/secrets/default/a", new byte[50_000]);
        byte[] second = Etcd.KeyValue("/registry/secrets/default/b", new byte[60_000]);
        pair.Etcd.Message(3, watch ? Event(first) : Chunk(first));

        // What the window has room for: for a watch, part of it may not be back yet.
        byte[] begun = pair.Client.Next(FrameType.Data).Payload;
        Assert.InRange(begun.Length, 1, 10);
        pair.Etcd.Message(3, watch ? Event(second) : Chunk(second));
        Assert.Equal(Http2ErrorCode.Cancel, RawPeer.Code(pair.Etcd.Next(FrameType.RstStream).Payload));

        pair.Client.WindowUpdate(3, 1 << 20);
        byte[] expected = RawPeer.Framed(watch ? Event(first) : Chunk(first));
        byte[] rest = pair.Client.NextData(3, expected.Length - begun.Length);
        Assert.Equal(expected, (byte[])[.. begun, .. rest]);
        (_, bool end, Dictionary<string, string> trailers) = pair.Client.NextHeaders();
        Assert.Equal((true, "8"), (end, trailers["grpc-status"]));
    }

    private static byte[] Event(byte[] kv) => Etcd.Nested(11, Etcd.Nested(2, kv));

    private static void Begin(Pair pair)
    {
        pair.Client.Ask(3, Path);
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);
        pair.Etcd.Headers(3, false, Call.Begun);
        pair.Client.NextHeaders();
    }

    // Not the last: nothing but key-values.
    private static byte[] Chunk(params byte[][] kvs) => Etcd.Nested(1, [.. kvs.SelectMany(kv => Etcd.Nested(2, kv))]);
}
