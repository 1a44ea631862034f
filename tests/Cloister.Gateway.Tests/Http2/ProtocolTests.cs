using Cloister.Enclave.Gateway.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2;

/// <summary>Frames that break RFC 9113 end the connection, with the code that it names, and only that connection.</summary>
public sealed class ProtocolTests
{
    private const string Status = "/etcdserverpb.Maintenance/Status";

    // type, flags, stream, payload; the stream 1 is open.
    public static TheoryData<string, int, int, int, string, int> Wrong => new()
    {
        { "DATA on stream 0", 0, 0, 0, "00", (int)Http2ErrorCode.ProtocolError },
        { "DATA on an idle stream", 0, 0, 9, "00", (int)Http2ErrorCode.ProtocolError },
        { "DATA with padding as long as the frame", 0, FrameHeader.Padded, 1, "0200", (int)Http2ErrorCode.ProtocolError },
        { "DATA that is padded and empty", 0, FrameHeader.Padded, 1, "", (int)Http2ErrorCode.FrameSizeError },
        { "HEADERS on stream 0", 1, FrameHeader.EndHeaders, 0, "82", (int)Http2ErrorCode.ProtocolError },
        { "HEADERS on an even stream", 1, FrameHeader.EndHeaders, 4, "82", (int)Http2ErrorCode.ProtocolError },
        { "HEADERS again that are no trailers", 1, FrameHeader.EndHeaders, 1, "82", (int)Http2ErrorCode.ProtocolError },
        { "HEADERS that are not HPACK", 1, FrameHeader.EndHeaders, 3, "80", (int)Http2ErrorCode.CompressionError },
        { "HEADERS too short for its priority", 1, FrameHeader.EndHeaders | FrameHeader.Priority, 3, "0000", (int)Http2ErrorCode.FrameSizeError },
        { "PRIORITY of four bytes", 2, 0, 1, "00000000", (int)Http2ErrorCode.FrameSizeError },
        { "PRIORITY on stream 0", 2, 0, 0, "0000000000", (int)Http2ErrorCode.ProtocolError },
        { "RST_STREAM of three bytes", 3, 0, 1, "000000", (int)Http2ErrorCode.FrameSizeError },
        { "RST_STREAM on an idle stream", 3, 0, 9, "00000008", (int)Http2ErrorCode.ProtocolError },
        { "RST_STREAM on stream 0", 3, 0, 0, "00000008", (int)Http2ErrorCode.ProtocolError },
        { "SETTINGS of five bytes", 4, 0, 0, "0001000000", (int)Http2ErrorCode.FrameSizeError },
        { "SETTINGS on a stream", 4, 0, 1, "", (int)Http2ErrorCode.ProtocolError },
        { "SETTINGS acknowledged with content", 4, 1, 0, "000100001000", (int)Http2ErrorCode.FrameSizeError },
        { "ENABLE_PUSH of two", 4, 0, 0, "000200000002", (int)Http2ErrorCode.ProtocolError },
        { "INITIAL_WINDOW_SIZE of 2^31", 4, 0, 0, "000480000000", (int)Http2ErrorCode.FlowControlError },
        { "MAX_FRAME_SIZE of 16383", 4, 0, 0, "000500003fff", (int)Http2ErrorCode.ProtocolError },
        { "PUSH_PROMISE", 5, FrameHeader.EndHeaders, 1, "0000000282", (int)Http2ErrorCode.ProtocolError },
        { "PING of seven bytes", 6, 0, 0, "00000000000000", (int)Http2ErrorCode.FrameSizeError },
        { "PING on a stream", 6, 0, 1, "0000000000000000", (int)Http2ErrorCode.ProtocolError },
        { "GOAWAY of seven bytes", 7, 0, 0, "00000000000000", (int)Http2ErrorCode.FrameSizeError },
        { "GOAWAY on a stream", 7, 0, 1, "0000000000000000", (int)Http2ErrorCode.ProtocolError },
        { "WINDOW_UPDATE of three bytes", 8, 0, 0, "000001", (int)Http2ErrorCode.FrameSizeError },
        { "WINDOW_UPDATE of zero", 8, 0, 0, "00000000", (int)Http2ErrorCode.ProtocolError },
        { "WINDOW_UPDATE past the largest window", 8, 0, 0, "7fffffff", (int)Http2ErrorCode.FlowControlError },
        { "WINDOW_UPDATE on an idle stream", 8, 0, 9, "00000001", (int)Http2ErrorCode.ProtocolError },
        { "CONTINUATION of nothing", 9, FrameHeader.EndHeaders, 1, "82", (int)Http2ErrorCode.ProtocolError },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task WhatBreaksTheProtocolEndsTheConnection(string what, int type, int flags, int stream, string payload, int code)
    {
        Assert.NotEmpty(what);
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(Status));
        Assert.Equal(1, pair.Etcd.NextHeaders().StreamId);
        pair.Client.Send((FrameType)type, flags, stream, Convert.FromHexString(payload));
        Assert.Equal((Http2ErrorCode)code, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
        Assert.Null(pair.Client.Next());
        Works(pair);
    }

    [Fact]
    public async Task AFrameThatIsTooLargeEndsTheConnection()
    {
        await using Pair pair = new();
        pair.Client.Raw([0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
        Assert.Equal(Http2ErrorCode.FrameSizeError, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
        Works(pair);
    }

    [Fact]
    public async Task NothingStandsInsideAHeaderBlock()
    {
        await using Pair pair = new();
        pair.Client.Send(FrameType.Headers, 0, 1, [0x82]);
        pair.Client.Send(FrameType.Ping, 0, 0, new byte[8]);
        Assert.Equal(Http2ErrorCode.ProtocolError, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
    }

    [Fact]
    public async Task ContinuationsAreBounded()
    {
        await using Pair pair = new();
        pair.Client.Send(FrameType.Headers, 0, 1, []);
        for (int i = 0; i < 20; i++)
        {
            pair.Client.Send(FrameType.Continuation, 0, 1, []);
        }

        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
    }

    [Fact]
    public async Task AHeaderBlockInPiecesAndWithPaddingIsOne()
    {
        await using Pair pair = new();
        byte[] block = RawPeer.Block(RawPeer.Call(Status, ("hasleader", "true")));
        pair.Client.Send(FrameType.Headers, FrameHeader.EndStream | FrameHeader.Padded | FrameHeader.Priority, 1, [3, 0, 0, 0, 0, 9, .. block[..20], 0, 0, 0]);
        pair.Client.Send(FrameType.Continuation, 0, 1, block.AsSpan(20, 1));
        pair.Client.Send(FrameType.Continuation, FrameHeader.EndHeaders, 1, block.AsSpan(21));
        (int id, bool end, Dictionary<string, string> fields) = pair.Etcd.NextHeaders();
        Assert.Equal((1, true, "true"), (id, end, fields["hasleader"]));
    }

    [Theory]
    [InlineData(2100)]
    public async Task FloodsEndTheConnection(int frames)
    {
        await using Pair pair = new();
        FrameWriter flood = new();
        for (int i = 0; i < 3 * frames; i++)
        {
            flood.Frame(FrameType.Settings, 0, 0, []);
        }

        try
        {
            pair.Client.Raw(flood.Written.ToArray());
        }
        catch (IOException)
        {
            // Closed before everything was written.
        }

        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
        Works(pair);
    }

    [Fact]
    public async Task RapidResetsEndTheConnection()
    {
        await using Pair pair = new();
        FrameWriter flood = new();
        byte[] block = RawPeer.Block(RawPeer.Call(Status));
        for (int i = 0; i < 6000; i++)
        {
            flood.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1 + (2 * i), block);
            flood.RstStream(1 + (2 * i), Http2ErrorCode.Cancel);
        }

        Task drained = Task.Run(() =>
        {
            while (pair.Etcd.Next() is not null)
            {
            }
        }, TestContext.Current.CancellationToken);
        try
        {
            pair.Client.Raw(flood.Written.ToArray());
        }
        catch (IOException)
        {
            // As above.
        }

        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, RawPeer.Code(pair.Client.Next(FrameType.GoAway).Payload));
        await drained.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Works(pair);
    }

    [Theory]
    [InlineData("Upper", "x")]
    [InlineData("bad name", "x")]
    [InlineData("connection", "close")]
    [InlineData("te", "gzip")]
    [InlineData("x", "a\nb")]
    [InlineData("x", " a")]
    [InlineData(":status", "200")]
    [InlineData(":path", "/other")]
    public async Task MalformedHeadersEndTheirStreamOnly(string name, string value)
    {
        await using Pair pair = new();
        pair.Client.Headers(1, true, [.. RawPeer.Call(Status)[..5], (name, value)]);
        (FrameHeader header, byte[] code) = pair.Client.Next(FrameType.RstStream);
        Assert.Equal((1, Http2ErrorCode.ProtocolError), (header.StreamId, RawPeer.Code(code)));
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        Assert.Equal(3, pair.Etcd.NextHeaders().StreamId);
    }

    [Fact]
    public async Task UnknownFramesAndFlagsMeanNothing()
    {
        await using Pair pair = new();
        pair.Client.Send((FrameType)0x42, 0xFF, 5, new byte[100]);
        pair.Client.Send(FrameType.Settings, 0x80, 0, PeerSettings.Payload((0x77, 5)));
        pair.Client.Headers(1, true, RawPeer.Call(Status));
        Assert.Equal(1, pair.Etcd.NextHeaders().StreamId);
    }

    [Fact]
    public async Task RandomFramesNeverEndTheGateway()
    {
        await using Pair pair = new();
        Random random = new(9113);
        for (int round = 0; round < 60; round++)
        {
            (RawPeer client, RawPeer etcd) = pair.Connect();
            using (client)
            using (etcd)
            {
                try
                {
                    client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
                    for (int i = 0; i < 40; i++)
                    {
                        byte[] payload = new byte[random.Next(0, 60)];
                        random.NextBytes(payload);
                        RawPeer sender = random.Next(2) == 0 ? client : etcd;
                        sender.Send((FrameType)random.Next(0, 11), random.Next(0, 256) & (FrameHeader.EndStream | FrameHeader.EndHeaders | FrameHeader.Padded), random.Next(0, 3), payload);
                    }
                }
                catch (IOException)
                {
                    // Refused, as it should be.
                }
            }
        }

        Works(pair);
        Assert.DoesNotContain(pair.Gateway.Log.Lines, line => line.Contains("fault", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsNotHttp2IsClosedUnanswered()
    {
        await using Pair pair = new();
        using RawPeer other = pair.Gateway.ConnectRaw();
        other.Raw("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Null(other.Next());
        Works(pair);
    }

    // Another connection of the same gateway.
    private static void Works(Pair pair)
    {
        (RawPeer client, RawPeer etcd) = pair.Connect();
        using (client)
        using (etcd)
        {
            client.Headers(1, true, RawPeer.Call(Status));
            Assert.Equal(Status, etcd.NextHeaders().Fields[":path"]);
        }
    }
}
