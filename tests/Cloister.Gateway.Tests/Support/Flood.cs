using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Somebody who opens connections to a gateway, says nothing of use on them, and opens another for each that is closed.</summary>
internal sealed class Flood : IDisposable
{
    private readonly List<(Socket Socket, IDisposable Owner)> _open = [];
    private readonly Func<(Socket, IDisposable)> _connect;
    private readonly int _connections;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private int _opened;

    private Flood(int connections, Func<(Socket, IDisposable)> connect)
    {
        _connections = connections;
        _connect = connect;
        _thread = new Thread(Run) { IsBackground = true, Name = "flood" };
        _thread.Start();
    }

    /// <summary>How many there were so far.</summary>
    internal int Opened => Volatile.Read(ref _opened);

    /// <summary>Of somebody without a certificate.</summary>
    /// <param name="gateway">Where.</param>
    /// <param name="connections">At the same time.</param>
    /// <param name="says">At the beginning, and nothing more.</param>
    internal static Flood Bare(GatewayUnderTest gateway, int connections, byte[] says) => new(connections, () =>
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, gateway.Gateway.Port);
        socket.Send(says);
        return (socket, socket);
    });

    /// <summary>Of a client that is authenticated, and then says what it likes.</summary>
    internal static Flood Authenticated(GatewayUnderTest gateway, int connections, byte[] says) => new(connections, () =>
    {
        (SslStream stream, Socket socket) = gateway.ConnectWithSocket();
        stream.Write(says);
        return (socket, stream);
    });

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _open.ForEach(one => one.Owner.Dispose());
    }

    // What it was sent, such as tickets of TLS, is dropped.
    private static bool IsClosed(Socket socket)
    {
        byte[] some = new byte[16_384];
        try
        {
            while (socket.Poll(0, SelectMode.SelectRead))
            {
                if (socket.Receive(some) == 0)
                {
                    return true;
                }
            }

            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private void Run()
    {
        while (!_stopping)
        {
            _open.RemoveAll(one =>
            {
                bool closed = IsClosed(one.Socket);
                if (closed)
                {
                    one.Owner.Dispose();
                }

                return closed;
            });
            for (int i = _open.Count; i < _connections && !_stopping; i++)
            {
                try
                {
                    _open.Add(_connect());
                    Interlocked.Increment(ref _opened);
                }
                catch (Exception e) when (e is SocketException or IOException or System.Security.Authentication.AuthenticationException)
                {
                    // Closed while it was opened.
                }
            }

            Thread.Sleep(20);
        }
    }
}
