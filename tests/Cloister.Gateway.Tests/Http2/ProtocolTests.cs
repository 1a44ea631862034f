using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2;

/// <summary>Peers that mean harm: floods and random frames end their connection, and only that one. The rules one by one are in Conformance.</summary>
public sealed class ProtocolTests
{
    private const string Status = "/etcdserverpb.Maintenance/Status";

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

    [Fact]
    public async Task FloodsEndTheConnection()
    {
        await using Pair pair = new();
        FrameWriter flood = new();
        for (int i = 0; i < 6300; i++)
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

    [Theory]
    [InlineData((int)FrameType.RstStream)]
    [InlineData((int)FrameType.WindowUpdate)]
    public async Task RapidResetsEndTheConnection(int type)
    {
        // Its own resets, or those that it has the gateway send by breaking a rule.
        await using Pair pair = new();
        FrameWriter flood = new();
        byte[] block = RawPeer.Block(RawPeer.Call(Status));
        for (int i = 0; i < 6000; i++)
        {
            flood.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1 + (2 * i), block);
            flood.Frame((FrameType)type, 0, 1 + (2 * i), new byte[4]);
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
    [InlineData("/etcdserverpb.KV/Put")]
    [InlineData("/etcdserverpb.KV/Txn")]
    public async Task CallsThatAreRefusedAreAFlood(string path)
    {
        // Not one of an API server's, or one that is not well-formed.
        await using Pair pair = new();
        FrameWriter flood = new();
        byte[] block = RawPeer.Block(RawPeer.Call(path));
        for (int i = 0; i < 6000; i++)
        {
            flood.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1 + (2 * i), block);
            flood.Frame(FrameType.Data, FrameHeader.EndStream, 1 + (2 * i), RawPeer.Framed([0x12, 0x7f]));
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
