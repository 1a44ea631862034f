using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Relay;
using Cloister.Cli.Tests.Harness;
using Cloister.Sockets;

namespace Cloister.Cli.Tests.Relay;

/// <summary>A relay in this process, with a target whose accepted connections the test has in hand.</summary>
internal sealed class RelayedPair : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _target;
    private readonly ByteRelay _relay;
    private readonly Task _running;

    /// <summary>Relays from a unix socket to TCP, or from TCP to a unix socket.</summary>
    internal RelayedPair(bool unixToTcp)
    {
        ListenAddress target = Parse(unixToTcp ? "tcp:127.0.0.1:0" : $"unix:{_folder["target.sock"]}");
        _target = target.Bind(new SocketPermissions());
        _target.Listen(128);
        _relay = ByteRelay.Listen(
            Parse(unixToTcp ? $"unix:{_folder["relay.sock"]}" : "tcp:127.0.0.1:0"), _target.LocalEndPoint!, new SocketPermissions(), maxConnections: 100);
        _running = _relay.RunAsync(_stop.Token);
    }

    internal async Task<(Socket Client, Socket Server)> ConnectAsync()
    {
        Socket client = await ConnectAsync(_relay.Address);
        return (client, await _target.AcceptAsync());
    }

    /// <summary>Connects to <c>unix:PATH</c> or <c>tcp:ADDRESS</c>.</summary>
    internal static async Task<Socket> ConnectAsync(string address)
    {
        EndPoint endPoint = Parse(address).EndPoint;
        Socket client = new(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        await client.ConnectAsync(endPoint);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _relay.Dispose();
        _target.Dispose();
        _stop.Dispose();
        _folder.Dispose();
    }

    private static ListenAddress Parse(string address) =>
        ListenAddress.Parse(address, out string error) ?? throw new ArgumentException(error);
}
