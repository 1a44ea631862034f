using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Cloister.Enclave.Transport;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Tee.Tests.Vsock;

/// <summary>
/// The listener's way from accept to Kestrel's connections. Few kernels of build machines lead vsock back to themselves, so a unix socket
/// stands under the listener here; <see cref="VsockSocketTests"/> has what is left.
/// </summary>
public sealed class VsockConnectionsTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-").FullName;
    private readonly UnixDomainSocketEndPoint _endPoint;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly VsockConnections _connections;

    public VsockConnectionsTests()
    {
        _endPoint = new UnixDomainSocketEndPoint(Path.Combine(_folder, "s"));
        _socket.Bind(_endPoint);
        _socket.Listen(16);
        _connections = new VsockConnections(
            new VsockListener(_socket.SafeHandle),
            new VsockEndPoint(VsockEndPoint.AnyCid, 1),
            new SocketConnectionContextFactory(new SocketConnectionFactoryOptions { WaitForDataBeforeAllocatingBuffer = false }, NullLogger.Instance));
    }

    public async ValueTask DisposeAsync()
    {
        await _connections.DisposeAsync();
        _socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Connections_carry_bytes_both_ways()
    {
        for (int i = 0; i < 20; i++)
        {
            using Socket client = await ConnectAsync();
            await using ConnectionContext server = Assert.IsAssignableFrom<ConnectionContext>(await _connections.AcceptAsync(TestContext.Current.CancellationToken));
            byte[] sent = Encoding.ASCII.GetBytes($"message {i}");
            await client.SendAsync(sent, TestContext.Current.CancellationToken);
            ReadResult read = await server.Transport.Input.ReadAtLeastAsync(sent.Length, TestContext.Current.CancellationToken);
            Assert.Equal(sent, System.Buffers.BuffersExtensions.ToArray(read.Buffer));
            server.Transport.Input.AdvanceTo(read.Buffer.End);
            await server.Transport.Output.WriteAsync(sent, TestContext.Current.CancellationToken);
            byte[] received = new byte[sent.Length];
            Assert.Equal(sent.Length, await client.ReceiveAsync(received, TestContext.Current.CancellationToken));
            Assert.Equal(sent, received);
        }
    }

    [Fact]
    public async Task Stopping_ends_the_wait_and_closes_those_who_were_not_taken()
    {
        Task<ConnectionContext?> waiting = _connections.AcceptAsync(TestContext.Current.CancellationToken).AsTask();
        await _connections.UnbindAsync(TestContext.Current.CancellationToken);
        Assert.Null(await waiting);
    }

    [Fact]
    public async Task Those_who_were_not_taken_are_closed()
    {
        using Socket first = await ConnectAsync();
        using Socket second = await ConnectAsync();
        using Socket third = await ConnectAsync();
        await _connections.DisposeAsync();
        foreach (Socket client in (Socket[])[first, second, third])
        {
            Assert.Equal(0, await EndAsync(client));
        }
    }

    private static async Task<int> EndAsync(Socket client)
    {
        try
        {
            return await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    private async Task<Socket> ConnectAsync()
    {
        Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(_endPoint, TestContext.Current.CancellationToken);
        return client;
    }
}
