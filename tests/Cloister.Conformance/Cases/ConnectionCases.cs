using System.Net.Sockets;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>An API server keeps one connection and calls once a minute.</summary>
public abstract class ConnectionCases(Way way)
{
    private const byte GoAway = 7;
    private const int FrameHeaderSize = 9;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_plugin_leaves_an_idle_connection_open()
    {
        await using Cluster cluster = await Cluster.PrepareAsync(way, [], Cancellation);
        await cluster.Plugin.StartAsync(Cancellation);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(cluster.Plugin.Socket), Cancellation);
        byte[] prefaceAndEmptySettings = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];
        await socket.SendAsync(prefaceAndEmptySettings, Cancellation);

        using NetworkStream stream = new(socket);
        using CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        timer.CancelAfter(Idle);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadUntilGoAwayAsync(stream, timer.Token));
    }

    // Returns when the server is about to close, throws when it has closed.
    private static async Task ReadUntilGoAwayAsync(NetworkStream stream, CancellationToken cancellation)
    {
        byte[] header = new byte[FrameHeaderSize];
        do
        {
            await stream.ReadExactlyAsync(header, cancellation);
            int length = (header[0] << 16) | (header[1] << 8) | header[2];
            await stream.ReadExactlyAsync(new byte[length], cancellation);
        }
        while (header[3] != GoAway);
    }
}

public sealed class ConnectionTests() : ConnectionCases(Way.Direct);

public sealed class RelayedConnectionTests() : ConnectionCases(Way.Relay);
