using System.Buffers.Binary;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>Rules that are more than one frame: how connections begin and end, settings, windows below zero, limits.</summary>
public sealed class ConnectionTests
{
    // 3.4
    [Fact]
    public async Task BothSidesBeginWithSettings()
    {
        await using Pair pair = new();
        (FrameHeader header, byte[] payload) = pair.Client.Next()!.Value;
        Assert.Equal((FrameType.Settings, 0, 0), (header.Type, header.Flags & FrameHeader.Ack, payload.Length % 6));

        // The preface itself was checked when the fake etcd accepted.
        Assert.Equal(FrameType.Settings, pair.Etcd.Next()!.Value.Header.Type);
    }

    // 3.4
    [Theory]
    [InlineData((int)FrameType.Ping, 0, 8)]
    [InlineData((int)FrameType.Settings, FrameHeader.Ack, 0)]
    [InlineData(0x42, 0, 0)]
    public async Task AnythingElseInFrontOfSettingsIsRefused(int type, int flags, int length)
    {
        await using Pair pair = new();
        (RawPeer client, RawPeer etcd) = pair.Connect(begin =>
        {
            begin.Raw(RawPeer.Preface);
            begin.Send((FrameType)type, flags, 0, new byte[length]);
        });
        using (client)
        using (etcd)
        {
            Assert.Equal(Http2ErrorCode.ProtocolError, Call.EndOf(client));
        }
    }

    // 3.4
    [Fact]
    public async Task AWrongPrefaceIsClosedUnanswered()
    {
        await using Pair pair = new();
        using RawPeer client = pair.Gateway.ConnectRaw();
        client.Raw("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"u8.ToArray());
        Assert.Null(client.Next());
    }

    // 5.1.2
    [Fact]
    public async Task CallsPastTheAnnouncedNumberAreRefused()
    {
        await using Pair pair = new();
        int announced = Announced(pair.Client.Next(FrameType.Settings).Payload, 3);
        Task drained = Task.Run(() =>
        {
            while (pair.Etcd.Next() is not null)
            {
            }
        }, TestContext.Current.CancellationToken);
        FrameWriter calls = new();
        byte[] block = RawPeer.Block(RawPeer.Call(Call.Path));
        for (int i = 0; i <= announced; i++)
        {
            calls.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1 + (2 * i), block);
        }

        pair.Client.Raw(calls.Written.ToArray());
        (FrameHeader header, byte[] payload) = pair.Client.Next(FrameType.RstStream);
        Assert.Equal((1 + (2 * announced), Http2ErrorCode.RefusedStream), (header.StreamId, RawPeer.Code(payload)));
        pair.Client.Dispose();
        await drained.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    // 5.4.1 and 6.8
    [Fact]
    public async Task GoAwayNamesTheLastCall()
    {
        await using Pair pair = new();
        pair.Client.Headers(7, false, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        pair.Client.Send(FrameType.Data, 0, 0, [0]);
        (_, byte[] payload) = pair.Client.Next(FrameType.GoAway);
        Assert.Equal((7, Http2ErrorCode.ProtocolError), (BinaryPrimitives.ReadInt32BigEndian(payload), RawPeer.Code(payload)));
    }

    // 6.4 and 7: the code is another one's business.
    [Theory]
    [InlineData(0xFFFF_FFFFu)]
    [InlineData(0xdu)]
    public async Task CodesOfResetsPassAsTheyAre(uint code)
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        pair.Client.Reset(1, (Http2ErrorCode)code);
        Assert.Equal(code, (uint)RawPeer.Code(pair.Etcd.Next(FrameType.RstStream).Payload));
        pair.Client.Headers(3, false, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        pair.Etcd.Reset(3, (Http2ErrorCode)code);
        Assert.Equal(code, (uint)RawPeer.Code(pair.Client.Next(FrameType.RstStream).Payload));
    }

    // 6.5.3
    [Fact]
    public async Task EverySettingsIsAcknowledgedAndTheLastValueCounts()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, true, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        for (int i = 0; i < 3; i++)
        {
            pair.Client.Send(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 1), (4, 7)));
        }

        // The first one of all is that of the connection's begin.
        for (int i = 0; i < 4; i++)
        {
            Assert.Empty(pair.Client.Next(FrameType.Settings, FrameHeader.Ack).Payload);
        }

        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Send(FrameType.Data, 0, 1, new byte[100]);
        Assert.Equal(7, pair.Client.Next(FrameType.Data).Payload.Length);
    }

    // 6.9.2
    [Fact]
    public async Task AWindowBelowZeroHasToBeFilledFirst()
    {
        await using Pair pair = new(clientSettings: [(4, 10)]);
        pair.Client.Headers(1, true, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Send(FrameType.Data, 0, 1, new byte[100]);
        Assert.Equal(10, pair.Client.Next(FrameType.Data).Payload.Length);

        // From 0 to -10, then to -1, then to 4.
        pair.Client.Send(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 0)));
        pair.Client.WindowUpdate(1, 9);
        pair.Client.WindowUpdate(1, 5);
        Assert.Equal(4, pair.Client.Next(FrameType.Data).Payload.Length);
    }

    // 6.9.1: windows count padding, and what is dropped.
    [Fact]
    public async Task WhatIsNotReadIsGrantedAgain()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call("/not.etcd/Call"));
        pair.Client.Next(FrameType.RstStream);
        for (int sent = 0; sent < FlowControl.ConnectionWindow; sent += 16_000)
        {
            pair.Client.Send(FrameType.Data, FrameHeader.Padded, 1, [255, .. new byte[15_999]]);
        }

        (FrameHeader header, byte[] payload) = pair.Client.Next(FrameType.WindowUpdate);
        Assert.Equal(0, header.StreamId);
        Assert.InRange(BinaryPrimitives.ReadInt32BigEndian(payload), FlowControl.ConnectionWindow / 4, FlowControl.ConnectionWindow);
    }

    // 8.1.1: what etcd broke is not an answer.
    [Fact]
    public async Task ABrokenAnswerBecomesAnErrorThatIsNotRepeated()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, true, RawPeer.Call(Call.Path));
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, false, [.. Call.Begun, ("Upper", "x")]);
        (_, bool end, Dictionary<string, string> fields) = pair.Client.NextHeaders();
        Assert.Equal((true, "13"), (end, fields["grpc-status"]));
        Assert.Contains("HTTP/2", fields["grpc-message"], StringComparison.Ordinal);
    }

    // RFC 7541, 4.2: who makes the table smaller hears it in the next block, once.
    [Fact]
    public async Task AShrunkenTableIsAcknowledgedInTheNextBlock()
    {
        await using Pair pair = new(clientSettings: [(1, 0)], etcdSettings: [(1, 100)]);
        pair.Etcd.Next(FrameType.Settings, FrameHeader.Ack);
        pair.Client.Headers(1, true, RawPeer.Call(Call.Path));
        Assert.Equal([0x3f, 100 - 31], pair.Etcd.Next(FrameType.Headers).Payload[..2]);
        pair.Etcd.Headers(1, false, Call.Begun);
        Assert.Equal(0x20, pair.Client.Next(FrameType.Headers).Payload[0]);
        pair.Etcd.Headers(1, true, ("grpc-status", "0"));
        Assert.NotEqual(0x20, pair.Client.Next(FrameType.Headers).Payload[0] & 0xe0);
        pair.Client.Headers(3, true, RawPeer.Call(Call.Path));
        Assert.NotEqual(0x20, pair.Etcd.Next(FrameType.Headers).Payload[0] & 0xe0);
    }

    // RFC 7541, 4.2 and 4.3: a smaller table forgets.
    [Fact]
    public void ATableThatIsMadeSmallerForgets()
    {
        HpackDecoder decoder = new();
        decoder.Decode([0x40, 1, (byte)'a', 1, (byte)'b']);
        Assert.Equal("b"u8.ToArray(), Assert.Single(decoder.Decode([0xbe])).Value);
        Http2Exception refused = Assert.Throws<Http2Exception>(() => decoder.Decode([0x20, 0x3f, 0xe1, 0x1f, 0xbe]));
        Assert.Equal(Http2ErrorCode.CompressionError, refused.Fault.Code);
    }

    private static int Announced(byte[] settings, int id)
    {
        for (int at = 0; at < settings.Length; at += 6)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(settings.AsSpan(at)) == id)
            {
                return BinaryPrimitives.ReadInt32BigEndian(settings.AsSpan(at + 2));
            }
        }

        throw new InvalidOperationException($"setting {id} was not announced");
    }
}
