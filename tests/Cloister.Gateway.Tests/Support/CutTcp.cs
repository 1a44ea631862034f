using System.Net;
using System.Net.Sockets;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A port that leads to another one, until it is cut: then it refuses connections, and those that were open are gone.</summary>
internal sealed class CutTcp(int port, int target) : IDisposable
{
    private readonly List<Socket> _open = [];
    private readonly Lock _lock = new();
    private TcpListener? _listener;

    internal void Join()
    {
        TcpListener listener = new(IPAddress.Loopback, port);
        listener.Start();
        _listener = listener;
        _ = Task.Run(() => AcceptAsync(listener));
    }

    internal void Cut()
    {
        _listener?.Dispose();
        _listener = null;
        lock (_lock)
        {
            _open.ForEach(socket => socket.Dispose());
            _open.Clear();
        }
    }

    public void Dispose() => Cut();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket near = await listener.AcceptSocketAsync();
                Socket far = new(SocketType.Stream, ProtocolType.Tcp);
                await far.ConnectAsync(IPAddress.Loopback, target);
                lock (_lock)
                {
                    _open.AddRange([near, far]);
                }

                _ = CopyAsync(near, far);
                _ = CopyAsync(far, near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        byte[] some = new byte[16_384];
        try
        {
            for (int read; (read = await from.ReceiveAsync(some)) > 0;)
            {
                for (int sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(some.AsMemory(sent, read - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // As above.
        }

        from.Dispose();
        to.Dispose();
    }
}
