using System.Text;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Http2.Conformance;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>What passes the gateway and how, with a test on either side.</summary>
public sealed class ForwardingTests
{
    private const string Status = "/etcdserverpb.Maintenance/Status";
    private const string Watch = "/etcdserverpb.Watch/Watch";

    [Fact]
    public async Task HeadersBodyAndTrailersPassAsTheyAre()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(Status, ("hasleader", "true"), ("grpc-timeout", "2S"), ("client-api-version", "3.6.0")));
        pair.Client.Message(1, [8, 1], end: true);
        (_, bool ended, Dictionary<string, string> request) = pair.Etcd.NextHeaders();
        Assert.False(ended);
        Assert.Equal(("true", "2S", "3.6.0", "trailers"), (request["hasleader"], request["grpc-timeout"], request["client-api-version"], request["te"]));
        Assert.Equal([8, 1], pair.Etcd.NextMessage(1));

        pair.Etcd.Headers(1, false, [.. Call.Begun, ("x-made-up", "kept")]);
        pair.Etcd.Message(1, [1, 2, 3]);
        pair.Etcd.Headers(1, true, ("grpc-status", "11"), ("grpc-message", "etcdserver: mvcc: required revision has been compacted"));
        Assert.Equal("kept", pair.Client.NextHeaders().Fields["x-made-up"]);
        Assert.Equal([1, 2, 3], pair.Client.NextMessage(1));
        (_, bool end, Dictionary<string, string> trailers) = pair.Client.NextHeaders();
        Assert.Equal((true, "11", "etcdserver: mvcc: required revision has been compacted"), (end, trailers["grpc-status"], trailers["grpc-message"]));
    }

    [Fact]
    public async Task TheTableOfOneSideDoesNotReachTheOther()
    {
        await using Pair pair = new();
        byte[] block = RawPeer.Block(RawPeer.Call(Status));

        // x: y is remembered by the first call, which is refused, and used by the second.
        pair.Client.Send(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.EndStream, 1, [.. RawPeer.Block(RawPeer.Call("/etcdserverpb.KV/Put")), 0x40, 1, (byte)'x', 1, (byte)'y']);
        pair.Client.Send(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.EndStream, 3, [.. block, 0xbe]);
        Assert.Equal("y", pair.Etcd.NextHeaders().Fields["x"]);
    }

    [Theory]
    [InlineData("/etcdserverpb.KV/Put")]
    [InlineData("/etcdserverpb.KV/DeleteRange")]
    [InlineData("/etcdserverpb.Maintenance/Snapshot")]
    [InlineData("/etcdserverpb.Auth/UserAdd")]
    [InlineData("/etcdserverpb.KV/range")]
    [InlineData("/")]
    public async Task OtherCallsAreRefusedAndDoNotReachEtcd(string path)
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(path));
        (_, bool end, Dictionary<string, string> fields) = pair.Client.NextHeaders();
        Assert.Equal((true, "200", "12"), (end, fields[":status"], fields["grpc-status"]));
        Assert.Contains("etcdctl", fields["grpc-message"], StringComparison.Ordinal);
        Assert.Equal(Http2ErrorCode.NoError, RawPeer.Code(pair.Client.Next(FrameType.RstStream).Payload));

        // What the client had sent by then is not an error.
        pair.Client.Message(1, new byte[100], end: true);
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);
        Assert.Equal(1, pair.Gateway.Counter("gateway_calls_refused"));
    }

    [Fact]
    public async Task WhatIsNotGrpcIsRefused()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, true, (":method", "GET"), (":scheme", "https"), (":path", "/health"));
        Assert.Equal("415", pair.Client.NextHeaders().Fields[":status"]);
    }

    [Fact]
    public async Task PingsGoToTheEndAndBack()
    {
        await using Pair pair = new();
        PingToEtcdAndBack(pair, "12345678"u8);
    }

    [Fact]
    public async Task APingSoonAfterOneThatEtcdAnsweredIsAnsweredByTheGateway()
    {
        await using Pair pair = new();
        PingToEtcdAndBack(pair, "to etcd1"u8);

        // More than can wait for their answers together.
        for (byte i = 0; i < 20; i++)
        {
            pair.Client.Send(FrameType.Ping, 0, 0, [.. "here  1"u8, i]);
        }

        List<byte> answered = [];
        while (answered.Count < 20)
        {
            (FrameHeader header, byte[] payload) = pair.Client.Next(FrameType.Ping);
            Assert.True(header.Has(FrameHeader.Ack));
            answered.Add(payload[7]);
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(i => (byte)i), answered.Order());

        // etcd had none of them: its next one comes when that answer is old.
        await Task.Delay(1100, TestContext.Current.CancellationToken);
        pair.Client.Send(FrameType.Ping, 0, 0, "to etcd2"u8);
        Assert.Equal("to etcd2"u8.ToArray(), pair.Etcd.Next(FrameType.Ping).Payload);
    }

    [Fact]
    public async Task EtcdsPingsAreAnsweredByTheGateway()
    {
        await using Pair pair = new();
        pair.Etcd.Send(FrameType.Ping, 0, 0, "etcdping"u8);
        (FrameHeader header, byte[] payload) = pair.Etcd.Next(FrameType.Ping);
        Assert.True(header.Has(FrameHeader.Ack));
        Assert.Equal("etcdping"u8.ToArray(), payload);

        // The API server never had it: the first ping it sees is the answer to its own.
        PingToEtcdAndBack(pair, "12345678"u8);
    }

    [Fact]
    public async Task CancellationReachesEtcd()
    {
        await using Pair pair = new();
        pair.Client.Ask(1);
        pair.Etcd.NextHeaders();
        pair.Client.Reset(1, Http2ErrorCode.Cancel);
        (FrameHeader header, byte[] payload) = pair.Etcd.Next(FrameType.RstStream);
        Assert.Equal((1, Http2ErrorCode.Cancel), (header.StreamId, RawPeer.Code(payload)));

        // What etcd sent before it knew is not an error.
        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Message(1, new byte[2000]);
        pair.Etcd.Headers(1, true, ("grpc-status", "1"));
        pair.Client.Ask(3);
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);
    }

    [Fact]
    public async Task AClientThatGoesTakesItsConnectionAlong()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(Watch));
        pair.Etcd.NextHeaders();
        pair.Client.Dispose();
        while (pair.Etcd.Next() is not null)
        {
        }
    }

    [Fact]
    public async Task WhenEtcdGoesTheClientIsToldWhatWasBegun()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(Watch));
        pair.Client.Ask(3);
        Assert.Equal(1, pair.Etcd.NextHeaders().StreamId);
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);
        pair.Etcd.Dispose();
        (_, byte[] goAway) = pair.Client.Next(FrameType.GoAway);
        Assert.Equal([0, 0, 0, 3], goAway[..4]);
        Assert.Equal(Http2ErrorCode.NoError, RawPeer.Code(goAway));
        Assert.Null(pair.Client.Next());
    }

    [Fact]
    public async Task GoAwayOfEtcdPassesAndCallsUnderWayEnd()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, true, RawPeer.Call(Status));
        pair.Etcd.NextHeaders();
        pair.Etcd.Send(FrameType.GoAway, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0, .. "bye"u8]);
        Assert.Equal("bye", Encoding.ASCII.GetString(pair.Client.Next(FrameType.GoAway).Payload.AsSpan(8)));

        // Opened too late: not passed on, and the client knows that it was not.
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        pair.Etcd.Headers(1, true, [.. Call.Begun, ("grpc-status", "0")]);
        Assert.Equal("0", pair.Client.NextHeaders().Fields["grpc-status"]);
        pair.Client.Send(FrameType.Ping, 0, 0, new byte[8]);
        while (pair.Etcd.Next() is { Header.Type: not FrameType.Ping } frame)
        {
            Assert.NotEqual(FrameType.Headers, frame.Header.Type);
        }
    }

    [Fact]
    public async Task EtcdsStreamLimitIsKept()
    {
        await using Pair pair = new(etcdSettings: [(3, 1)]);
        pair.Etcd.Next(FrameType.Settings, FrameHeader.Ack);
        pair.Client.Headers(1, false, RawPeer.Call(Watch));
        pair.Etcd.NextHeaders();
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        (FrameHeader header, byte[] payload) = pair.Client.Next(FrameType.RstStream);
        Assert.Equal((3, Http2ErrorCode.RefusedStream), (header.StreamId, RawPeer.Code(payload)));
    }

    [Fact]
    public async Task WindowsOfTheClientAreKept()
    {
        // 10 bytes at first, then a smaller window for all, then more.
        await using Pair pair = new(clientSettings: [(4, 10)]);
        pair.Client.Headers(1, true, RawPeer.Call(Status));
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Message(1, [.. Enumerable.Range(0, 45).Select(i => (byte)i)]);
        pair.Etcd.Headers(1, true, ("grpc-status", "0"));
        Assert.Equal(10, pair.Client.Next(FrameType.Data).Payload.Length);
        pair.Client.Send(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 5)));
        pair.Client.WindowUpdate(1, 12);
        Assert.Equal(7, pair.Client.Next(FrameType.Data).Payload.Length);
        pair.Client.Send(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 1000)));
        (FrameHeader last, byte[] rest) = pair.Client.Next(FrameType.Data);
        Assert.Equal(33, rest.Length);
        Assert.False(last.Has(FrameHeader.EndStream));
        Assert.True(pair.Client.NextHeaders().End);
    }

    [Fact]
    public async Task ASlowWatcherHoldsEtcdUpAndNoMore()
    {
        await using Pair pair = new(clientSettings: [(4, 0)]);
        pair.Client.Headers(1, false, RawPeer.Call(Watch));
        pair.Client.Message(1, Etcd.AskWatch(Etcd.Covered));
        pair.Etcd.NextHeaders();
        pair.Etcd.NextMessage(1);
        pair.Etcd.Headers(1, false, Call.Begun);
        int granted = FlowControl.StreamWindow;

        // The answer to the watch, with much that is unknown.
        byte[] message = new byte[9000];
        message[0] = 0x7a;
        message[1] = 0xa5;
        message[2] = 0x46;
        byte[] created = Etcd.Watched(0, created: true, canceled: false);
        pair.Etcd.Message(1, created);
        granted -= created.Length + 5;
        int sent = 0;
        while (granted >= message.Length + 5)
        {
            pair.Etcd.Message(1, message);
            sent++;
            granted -= message.Length + 5;
            Assert.InRange(sent * message.Length, 0, 3 * FlowControl.StreamWindow);
            if (granted >= message.Length + 5)
            {
                continue;
            }

            pair.Etcd.Send(FrameType.Ping, 0, 0, new byte[8]);
            while (pair.Etcd.Next()!.Value is { Header.Type: not FrameType.Ping } frame)
            {
                granted += frame.Header is { Type: FrameType.WindowUpdate, StreamId: 1 } ? System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(frame.Payload) : 0;
            }
        }

        // It reads at last: everything, in order, and etcd may go on.
        pair.Client.WindowUpdate(1, 10_000_000);
        pair.Client.WindowUpdate(0, 10_000_000);
        byte[] expected = [.. RawPeer.Framed(created), .. Enumerable.Repeat(RawPeer.Framed(message), sent).SelectMany(framed => framed)];
        Assert.Equal(expected, pair.Client.NextData(1, expected.Length));

        Assert.NotEmpty(pair.Etcd.Next(FrameType.WindowUpdate).Payload);
    }

    [Fact]
    public async Task AMessageInSmallPiecesIsRewrittenAsOne()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        byte[] request = RawPeer.Framed(Etcd.Txn([], [Etcd.PutOp(Etcd.Covered, "TOPSECRET"u8.ToArray())], []));
        foreach (byte b in request)
        {
            pair.Client.Send(FrameType.Data, 0, 1, [b]);
        }

        pair.Client.Send(FrameType.Data, FrameHeader.EndStream, 1, []);
        pair.Etcd.NextHeaders();
        string passed = Encoding.Latin1.GetString(pair.Etcd.NextMessage(1));
        Assert.Contains("k8s:enc:kms:v2:cloister:", passed, StringComparison.Ordinal);
        Assert.DoesNotContain("TOPSECRET", passed, StringComparison.Ordinal);
        Assert.Equal(1, pair.Gateway.Counter("gateway_values_encrypted"));
    }

    [Fact]
    public async Task AMalformedTransactionIsRefusedAndNeverReachesEtcd()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        pair.Client.Message(1, [0x12, 0x7f], end: true);
        Assert.Equal("3", pair.Client.NextHeaders().Fields["grpc-status"]);
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        Assert.Equal(3, pair.Etcd.NextOfAStream().StreamId);
    }

    [Fact]
    public async Task ACallThatWaitsForItsMessageHoldsNoOtherUp()
    {
        await using Pair pair = new();
        byte[] message = Etcd.Txn([], [Etcd.PutOp("/registry/secrets/default/a", "TOPSECRET"u8.ToArray())], []);
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);

        // Numbers at etcd only grow: what comes late has a later one there, and its own here.
        pair.Client.Message(1, message, end: true);
        (int id, _, Dictionary<string, string> fields) = pair.Etcd.NextHeaders();
        Assert.Equal((5, "/etcdserverpb.KV/Txn"), (id, fields[":path"]));
        pair.Etcd.NextMessage(5);
        pair.Client.Headers(5, true, RawPeer.Call(Status));
        Assert.Equal(7, pair.Etcd.NextHeaders().StreamId);
        pair.Etcd.Headers(7, true, [.. Call.Begun, ("grpc-status", "0"), ("x", "seven")]);
        Assert.Equal((5, "seven"), (pair.Client.NextHeaders() is var (five, _, more) ? (five, more["x"]) : default));
        pair.Etcd.Headers(5, true, [.. Call.Begun, ("grpc-status", "0"), ("x", "five")]);
        Assert.Equal((1, "five"), (pair.Client.NextHeaders() is var (one, _, last) ? (one, last["x"]) : default));
    }

    [Fact]
    public async Task GoAwayOfEtcdIsToldInTheApiServersNumbers()
    {
        await using Pair pair = new();
        byte[] message = Etcd.Txn([], [Etcd.PutOp("/registry/secrets/default/a", "TOPSECRET"u8.ToArray())], []);
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        pair.Client.Message(1, message, end: true);
        Assert.Equal((3, 5), (pair.Etcd.NextHeaders().StreamId, pair.Etcd.NextHeaders().StreamId));

        // It has begun its 3, the API server's 3, and not its 5, the API server's 1, which comes before.
        pair.Etcd.Send(FrameType.GoAway, 0, 0, [0, 0, 0, 3, 0, 0, 0, 0]);
        Assert.Equal([0, 0, 0, 3], pair.Client.Next(FrameType.GoAway).Payload[..4]);
        (FrameHeader header, byte[] code) = pair.Client.Next(FrameType.RstStream);
        Assert.Equal((1, Http2ErrorCode.RefusedStream), (header.StreamId, RawPeer.Code(code)));
        pair.Etcd.Headers(3, true, [.. Call.Begun, ("grpc-status", "0")]);
        Assert.Equal(3, pair.Client.NextHeaders().StreamId);
    }

    private static void PingToEtcdAndBack(Pair pair, ReadOnlySpan<byte> payload)
    {
        pair.Client.Send(FrameType.Ping, 0, 0, payload.ToArray());
        Assert.Equal(payload, pair.Etcd.Next(FrameType.Ping).Payload);
        pair.Etcd.Send(FrameType.Ping, FrameHeader.Ack, 0, payload.ToArray());
        (FrameHeader header, byte[] answer) = pair.Client.Next(FrameType.Ping);
        Assert.True(header.Has(FrameHeader.Ack));
        Assert.Equal(payload, answer);
    }
}
