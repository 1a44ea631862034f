using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Cloister.Conformance.Harness;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Connections that are opened to keep API servers out: before the client is authenticated, and afterwards.</summary>
public sealed class LockOutTests
{
    private const string Watch = "/etcdserverpb.Watch/Watch";
    private const string Status = "/etcdserverpb.Maintenance/Status";

    // Far more than the gateway takes before it knows who it is.
    private const int Many = 1000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("160301")]
    [InlineData("16030102000100")]
    public async Task ConnectionsThatAreNotAuthenticatedKeepNobodyOut(string sent)
    {
        await using Pair pair = new();
        byte[] bytes = Convert.FromHexString(sent);
        List<Socket> sockets = [];
        try
        {
            for (int i = 0; i < Many; i++)
            {
                sockets.Add(Open(pair.Gateway, bytes));
            }

            Works(pair);
            await Eventually.HoldsAsync(
                "the oldest gave way", TimeSpan.FromSeconds(60),
                () => Task.FromResult(pair.Gateway.Counter("gateway_connections_gave_way_unauthenticated") >= Many - 256 - 64), Stop);
            Assert.Contains(pair.Gateway.Log.Lines, line => line.Contains("closed a connection: not authenticated yet", StringComparison.Ordinal));

            // The first is closed, and those that are left are within their time.
            Assert.True(IsClosed(sockets[0]));
            Works(pair);
            Assert.True(IsClosed(sockets[^1]));
            Assert.NotEqual(0, pair.Gateway.Counter("gateway_connections_handshake_timeout"));
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task AHandshakeWithoutHttp2BehindItEndsInTime()
    {
        await using Pair pair = new(options => options with { MaxConnections = 4 });
        List<SslStream> streams = [.. Enumerable.Range(0, 12).Select(_ => pair.Gateway.Connect())];
        using SslStream preface = pair.Gateway.Connect();
        preface.Write(RawPeer.Preface);
        Works(pair);
        Assert.All([preface, .. streams], stream => Assert.True(Ends(stream)));
        Assert.NotEqual(0, pair.Gateway.Counter("gateway_connections_slow") + pair.Gateway.Counter("gateway_connections_gave_way"));
        streams.ForEach(stream => stream.Dispose());
    }

    [Fact]
    public async Task AConnectionWithoutCallsGivesWayToAnother()
    {
        await using Pair pair = new(options => options with { MaxConnections = 3 });
        pair.Client.Headers(1, false, RawPeer.Call(Watch));
        pair.Etcd.NextHeaders();
        (RawPeer idle, RawPeer idleEtcd) = pair.Connect();
        (RawPeer later, RawPeer laterEtcd) = pair.Connect();
        Works(pair);
        while (idle.Next() is not null)
        {
            // Settings, and then the end.
        }

        Assert.Equal(1, pair.Gateway.Counter("gateway_connections_gave_way"));
        foreach (RawPeer peer in (RawPeer[])[idle, idleEtcd, later, laterEtcd])
        {
            peer.Dispose();
        }

        // The watch went on.
        pair.Etcd.Headers(1, false, (":status", "200"), ("content-type", "application/grpc"));
        Assert.Equal(1, pair.Client.NextHeaders().StreamId);
    }

    [Fact]
    public async Task WhenAllAreInUseOneMoreOfTheSameClientIsRefused()
    {
        await using Pair pair = new(options => options with { MaxConnections = 2 });
        (RawPeer second, RawPeer secondEtcd) = pair.Connect();
        foreach ((RawPeer client, RawPeer etcd) in (IEnumerable<(RawPeer, RawPeer)>)[(pair.Client, pair.Etcd), (second, secondEtcd)])
        {
            client.Headers(1, false, RawPeer.Call(Watch));
            etcd.NextHeaders();
        }

        using RawPeer refused = pair.Gateway.ConnectRaw();
        Assert.Null(refused.Next());
        Assert.Equal(1, pair.Gateway.Counter("gateway_connections_refused"));
        Assert.Contains(pair.Gateway.Log.Lines, line => line.Contains("gateway.maxConnections are open and in use", StringComparison.Ordinal));
        second.Dispose();
        secondEtcd.Dispose();
    }

    [Fact]
    public async Task WhatIsBegunAndDoesNotGoOnEnds()
    {
        await using Pair pair = new();
        (RawPeer framePart, RawPeer frameEtcd) = Begin(pair, [0, 0, 100, (byte)FrameType.Headers, FrameHeader.EndHeaders, 0, 0, 0, 1, 0x83]);
        (RawPeer blockPart, RawPeer blockEtcd) = Begin(pair, [0, 0, 1, (byte)FrameType.Headers, 0, 0, 0, 0, 1, 0x83]);
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        pair.Client.Headers(3, false, RawPeer.Call(Watch));
        foreach (RawPeer peer in (RawPeer[])[framePart, blockPart])
        {
            Assert.Equal(Http2ErrorCode.EnhanceYourCalm, RawPeer.Code(peer.Next(FrameType.GoAway).Payload));
        }

        // A request that does not come is answered, a watch lasts.
        await Eventually.HoldsAsync(
            "the transaction is given up", TimeSpan.FromSeconds(60), () => Task.FromResult(pair.Gateway.Counter("gateway_calls_refused") == 1), Stop);
        (int id, bool end, Dictionary<string, string> fields) = pair.Client.NextHeaders();
        Assert.Equal((1, true, "4"), (id, end, fields["grpc-status"]));
        pair.Client.Reset(3, Http2ErrorCode.Cancel);
        while (pair.Etcd.Next(FrameType.RstStream).Header.StreamId != 3)
        {
            // Of the transaction.
        }

        Assert.Equal(3, pair.Gateway.Counter("gateway_connections_slow"));
        foreach (RawPeer peer in (RawPeer[])[framePart, blockPart, frameEtcd, blockEtcd])
        {
            peer.Dispose();
        }
    }

    private static (RawPeer Client, RawPeer Etcd) Begin(Pair pair, byte[] frame)
    {
        SslStream stream = pair.Gateway.Connect();
        stream.ReadTimeout = 90_000;
        stream.Write([.. RawPeer.Preface, 0, 0, 0, (byte)FrameType.Settings, 0, 0, 0, 0, 0, .. frame]);
        return (new RawPeer(stream), pair.AcceptEtcd());
    }

    private static Socket Open(GatewayUnderTest gateway, byte[] bytes)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
        socket.Connect(IPAddress.Loopback, gateway.Gateway.Port);
        try
        {
            socket.Send(bytes);
        }
        catch (SocketException)
        {
            // It gave way already.
        }

        return socket;
    }

    private static bool IsClosed(Socket socket)
    {
        byte[] some = new byte[100];
        try
        {
            while (socket.Receive(some) > 0)
            {
                // An alert of TLS.
            }

            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    private static bool Ends(SslStream stream)
    {
        try
        {
            return stream.ReadByte() < 0;
        }
        catch (IOException e)
        {
            return e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset };
        }
    }

    // An API server connects and calls.
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
