using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Accepts, on a thread of its own, and keeps a connection without a thread and without memory of its own until its peer says something.
/// Silent ones are limited in number and time: the oldest gives way, so that whoever opens many keeps nobody out. secrets: none.
/// </summary>
internal sealed class GatewayListener : IDisposable
{
    /// <summary>Connections whose peer has said nothing yet; of more, the oldest is closed.</summary>
    internal const int MaxSilent = 256;

    private const int Backlog = 512;
    private const int SilentMilliseconds = 10_000;
    private const int LookMilliseconds = 250;
    private const int AcceptedAtOnce = 64;

    // Until another connection has ended.
    private const int WaitMilliseconds = 2;

    private readonly Socket _socket;
    private readonly Func<Socket, bool> _begin;
    private readonly Action<ConnectionEnd> _ended;
    private readonly Action _look;
    private readonly List<(Socket Socket, long Since)> _silent = [];
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Listens.</summary>
    /// <param name="socket">Bound; owned.</param>
    /// <param name="begin">Takes a connection that has something to read; false when there is no room for it yet.</param>
    /// <param name="ended">Told of every one that was closed instead.</param>
    /// <param name="look">Called every 250 ms, on the thread that accepts: a timer would wake the pool's threads, which cost more.</param>
    internal GatewayListener(Socket socket, Func<Socket, bool> begin, Action<ConnectionEnd> ended, Action look)
    {
        _look = look;
        _socket = socket;
        _begin = begin;
        _ended = ended;
        _socket.Listen(Backlog);
        _thread = new Thread(Run) { IsBackground = true, Name = "gateway, accepting" };
    }

    internal IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    internal void Start() => _thread.Start();

    /// <summary>Refuses whoever comes from now on.</summary>
    public void Dispose()
    {
        _stopping = true;
        SocketDefaults.End(_socket);
        _thread.Join();
    }

    private void Run()
    {
        HashSet<Socket> ready = [];
        List<Socket> looking = [];
        long looked = 0;
        while (!_stopping)
        {
            try
            {
                if (Environment.TickCount64 - looked >= LookMilliseconds)
                {
                    looked = Environment.TickCount64;
                    _look();
                }

                looking.Clear();
                looking.Add(_socket);
                looking.AddRange(_silent.Select(one => one.Socket));
                if (!TrySelect(looking))
                {
                    continue;
                }

                ready.Clear();
                ready.UnionWith(looking);
                BeginSpeaking(ready);
                if (ready.Contains(_socket))
                {
                    Accept();
                }
            }
            catch (OutOfMemoryException)
            {
                // Who comes later may be luckier.
                Thread.Sleep(WaitMilliseconds);
            }
        }

        _silent.ForEach(one => one.Socket.Dispose());
    }

    private static bool TrySelect(List<Socket> looking)
    {
        try
        {
            Socket.Select(looking, null, null, 1000 * LookMilliseconds);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped, or one of them just ended.
            Thread.Sleep(1);
            return false;
        }
    }

    private void BeginSpeaking(HashSet<Socket> ready)
    {
        long oldest = Environment.TickCount64 - SilentMilliseconds;
        bool waits = false;
        for (int i = 0; i < _silent.Count;)
        {
            (Socket socket, long since) = _silent[i];
            if (since < oldest)
            {
                socket.Dispose();
                _ended(ConnectionEnd.HandshakeTimeout);
            }
            else if (!ready.Contains(socket))
            {
                i++;
                continue;
            }
            else if (!HasBytes(socket))
            {
                // Its peer closed it.
                socket.Dispose();
            }
            else if (waits || !_begin(socket))
            {
                // In turn.
                waits = true;
                i++;
                continue;
            }

            _silent.RemoveAt(i);
        }

        if (waits)
        {
            Thread.Sleep(WaitMilliseconds);
        }
    }

    private static bool HasBytes(Socket socket)
    {
        try
        {
            return socket.Available > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Accept()
    {
        for (int i = 0; i < AcceptedAtOnce; i++)
        {
            Socket client;
            try
            {
                // Asked first, and not made non-blocking: .NET would wait for every byte of what it accepts on threads of its own.
                if (!_socket.Poll(0, SelectMode.SelectRead))
                {
                    return;
                }

                client = _socket.Accept();
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TooManyOpenSockets)
            {
                // Out of descriptors: the one that waited longest pays for the next.
                GiveWay(keep: Math.Max(0, _silent.Count - 1));
                Thread.Sleep(1);
                return;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // It was gone before.
                return;
            }

            GiveWay(keep: MaxSilent - 1);
            _silent.Add((client, Environment.TickCount64));
        }
    }

    private void GiveWay(int keep)
    {
        while (_silent.Count > keep)
        {
            _silent[0].Socket.Dispose();
            _silent.RemoveAt(0);
            _ended(ConnectionEnd.GaveWayUnauthenticated);
        }
    }
}
