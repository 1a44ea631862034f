using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Http2.Conformance;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>What the gateway refuses and bounds, and what it does without keys, without etcd and at its end.</summary>
public sealed class RefusalTests
{
    private const string Status = "/etcdserverpb.Maintenance/Status";
    private const string Watch = "/etcdserverpb.Watch/Watch";

    [Fact]
    public async Task ACompressedMessageIsRefused()
    {
        await using Pair pair = new();
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn", ("grpc-encoding", "gzip")));
        pair.Client.Send(FrameType.Data, FrameHeader.EndStream, 1, [1, 0, 0, 0, 1, 0]);
        Assert.Equal("12", pair.Client.NextHeaders().Fields["grpc-status"]);
    }

    [Fact]
    public async Task MessagesAreBounded()
    {
        await using Pair pair = new(options => options with { MaxMessageSize = 1000, Memory = 100_000 });
        pair.Client.Ask(1);
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Message(1, new byte[1001]);
        Assert.False(pair.Client.NextHeaders().End);
        (_, bool end, Dictionary<string, string> trailers) = pair.Client.NextHeaders();
        Assert.Equal((true, "8"), (end, trailers["grpc-status"]));
        Assert.Contains("maxMessageMiB", trailers["grpc-message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task MemoryIsBounded()
    {
        await using Pair pair = new(options => options with { Memory = 100_000 });
        pair.Client.Ask(1);
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(1, false, Call.Begun);
        pair.Etcd.Message(1, new byte[200_000]);
        pair.Client.NextHeaders();
        (_, _, Dictionary<string, string> trailers) = pair.Client.NextHeaders();
        Assert.Equal("8", trailers["grpc-status"]);
        Assert.Contains("gateway.memory", trailers["grpc-message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutKeysWritesFailAndNothingReachesEtcd()
    {
        await using Pair pair = new();
        pair.Gateway.Custody.Wipe();
        pair.Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        pair.Client.Message(1, Etcd.Txn([], [Etcd.PutOp(Etcd.Covered, "TOPSECRET"u8.ToArray())], []), end: true);
        Dictionary<string, string> answer = pair.Client.NextHeaders().Fields;
        Assert.Equal("9", answer["grpc-status"]);
        Assert.Contains("provision", answer["grpc-message"], StringComparison.Ordinal);
        pair.Client.Headers(3, true, RawPeer.Call(Status));
        Assert.Equal(3, pair.Etcd.NextOfAStream().StreamId);
    }

    [Fact]
    public async Task SeedsGoWithTheirKek()
    {
        await using Pair pair = new();
        byte[] stored = pair.Stored();
        pair.Gateway.Custody.Wipe();
        pair.Client.Ask(3);
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(3, false, Call.Begun);
        pair.Etcd.Message(3, Etcd.Range(Etcd.KeyValue(Etcd.Covered, stored)));
        pair.Client.NextHeaders();
        Assert.Equal("9", pair.Client.NextHeaders().Fields["grpc-status"]);
    }

    [Fact]
    public async Task TheNextEndpointIsUsedWhenOneDoesNotAccept()
    {
        using FakeEtcd etcd = new();
        int closed = LoopbackPortThatIsClosed();
        await using GatewayUnderTest gateway = new([GatewayUnderTest.Plain(closed), etcd.Endpoint]);
        etcd.AnswerProbe();
        using RawPeer client = gateway.ConnectRaw().Begin();
        using RawPeer peer = etcd.Accept();
        client.Headers(1, true, RawPeer.Call(Status));
        Assert.Equal(1, peer.NextHeaders().StreamId);
        Assert.Contains(gateway.Log.Lines, line => line.Contains($":{closed} does not serve: ConnectionRefused", StringComparison.Ordinal));
        Assert.Equal((1, 1), (gateway.Counter("gateway_etcd_left"), gateway.Counter("gateway_etcd_failures_1")));
    }

    [Fact]
    public async Task WithoutEtcdCallsAreAnsweredAtOnceUntilItIsBack()
    {
        int port = LoopbackPortThatIsClosed();
        await using GatewayUnderTest gateway = new([GatewayUnderTest.Plain(port)]);
        using RawPeer client = gateway.ConnectRaw().Begin();
        foreach ((int stream, string path) in (IEnumerable<(int, string)>)[(1, "/etcdserverpb.KV/Txn"), (3, "/etcdserverpb.KV/Range"), (5, Watch)])
        {
            client.Headers(stream, false, RawPeer.Call(path));
            (int id, bool end, Dictionary<string, string> fields) = client.NextHeaders();
            Assert.Equal((stream, true, "14"), (id, end, fields["grpc-status"]));
            Assert.Contains("gateway.etcd.endpoints", fields["grpc-message"], StringComparison.Ordinal);
        }

        client.Send(FrameType.Ping, 0, 0, "12345678"u8);
        Assert.Equal("12345678"u8.ToArray(), client.Next(FrameType.Ping, FrameHeader.Ack).Payload);
        Assert.Contains(gateway.Log.Lines, line => line.Contains($":{port} cannot be used: ConnectionRefused", StringComparison.Ordinal));

        // It comes back: the client is told to connect again, and gets through.
        using FakeEtcd etcd = new(port);
        using RawPeer asked = etcd.Accept();
        Assert.Equal(Http2ErrorCode.NoError, RawPeer.Code(client.Next(FrameType.GoAway).Payload));
        using RawPeer again = gateway.ConnectRaw().Begin();
        using RawPeer peer = etcd.Accept();
        again.Headers(1, true, RawPeer.Call(Status));
        Assert.Equal(1, peer.NextHeaders().StreamId);
    }

    [Fact]
    public async Task ClientsNeedACertificateAndHttp2()
    {
        await using Pair pair = new();
        Assert.True(IsRefused(() => pair.Gateway.Connect(certificate: false)));
        Assert.True(IsRefused(() => pair.Gateway.Connect(protocol: "http/1.1")));
        Assert.True(IsRefused(() => pair.Gateway.Connect(protocol: null)));

        // One of another authority of the same name.
        using ScratchFolder folder = new();
        Assert.True(IsRefused(() => pair.Gateway.Connect(client: new EtcdTlsFiles(folder))));
        Assert.Contains(pair.Gateway.Log.Lines, line => line.Contains("refused a client: it needs a certificate of gateway.tls.clientCa", StringComparison.Ordinal));
        (RawPeer client, RawPeer etcd) = pair.Connect();
        client.Dispose();
        etcd.Dispose();
    }

    [Fact]
    public async Task StoppingTellsClients()
    {
        using FakeEtcd etcd = new();
        GatewayUnderTest gateway = new([etcd.Endpoint]);
        using RawPeer client = gateway.ConnectRaw().Begin();
        using RawPeer peer = etcd.Accept();
        client.Headers(1, false, RawPeer.Call(Watch));
        peer.NextHeaders();
        await gateway.DisposeAsync();
        Assert.Equal(Http2ErrorCode.NoError, RawPeer.Code(client.Next(FrameType.GoAway).Payload));
    }

    // TLS 1.3 tells a client only when it reads that its certificate was missing.
    private static bool IsRefused(Func<System.Net.Security.SslStream> connect)
    {
        try
        {
            using System.Net.Security.SslStream stream = connect();
            return stream.ReadByte() < 0;
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            return true;
        }
    }

    private static int LoopbackPortThatIsClosed()
    {
        using System.Net.Sockets.TcpListener listener = new(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
