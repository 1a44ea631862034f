using System.Net;
using System.Net.Sockets;

namespace Cloister.Cli.Tests.Relay;

/// <summary>Sends back what it receives, until the other side ends.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Task _accepting;
    private int _open;

    internal EchoServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(4096);
        _accepting = AcceptAsync();
    }

    internal string Address => _listener.LocalEndPoint!.ToString()!;

    internal int Open => Volatile.Read(ref _open);

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                _ = EchoAsync(await _listener.AcceptAsync());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        Interlocked.Increment(ref _open);
        byte[] buffer = new byte[4096];
        using (socket)
        {
            try
            {
                for (int received; (received = await socket.ReceiveAsync(buffer, SocketFlags.None)) > 0;)
                {
                    await socket.SendAsync(buffer.AsMemory(0, received), SocketFlags.None);
                }
            }
            catch (SocketException)
            {
                // The client is gone.
            }
        }

        Interlocked.Decrement(ref _open);
    }
}
