using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Base;
using Cloister.Sockets;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// One listening socket with the methods it serves: a thread accepts and looks after the connections, and each of these has one. secrets: pass through.
/// </summary>
public sealed class GrpcServer : IDisposable
{
    private const int Backlog = 1024;
    private const int LookMilliseconds = 1000;
    private const int StopMilliseconds = 2000;

    // Until a connection that was told to close is gone, or there are descriptors again.
    private const int WaitMilliseconds = 5;

    private readonly Listener _listener;
    private readonly ServerParts _parts;
    private readonly Lock _lock = new();
    private readonly Dictionary<ServerConnection, Thread> _connections = [];
    private readonly LogRateLimiter _crowds = new();
    private readonly Thread _thread;
    private volatile bool _stopping;
    private long _told;
    private long _looked = Environment.TickCount64;

    private GrpcServer(Listener listener, ServerParts parts)
    {
        _listener = listener;
        _parts = parts;
        _thread = new Thread(Accept) { IsBackground = true, Name = parts.Role };
    }

    /// <summary>Port of a TCP address, which may have been chosen by the system.</summary>
    public int? Port => _listener.Port;

    /// <summary>Listens.</summary>
    /// <param name="role">What it is for, in logs.</param>
    /// <param name="options">Address, permissions, limits.</param>
    /// <param name="methods">gRPC paths and what serves them.</param>
    /// <param name="tee">Short name of the TEE, sent with every answer.</param>
    /// <param name="counters">Where failures are counted.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="ListenException">The socket cannot be opened safely.</exception>
    public static GrpcServer Start(
        string role, ServerOptions options, IEnumerable<KeyValuePair<string, ServiceMethod>> methods, string tee, CallCounters counters, EnclaveLog log) =>
        Start(role, options, methods, tee, counters, log, Listener.Bind(options.Address, options.Permissions, Backlog));

    internal static GrpcServer Start(
        string role, ServerOptions options, IEnumerable<KeyValuePair<string, ServiceMethod>> methods, string tee, CallCounters counters, EnclaveLog log, Listener listener)
    {
        GrpcServer server = new(listener, new ServerParts(role, options, methods, tee, counters, log));
        server._thread.Start();
        string at = server.Port is { } port ? $"tcp:{new IPEndPoint(((IPEndPoint)options.Address.EndPoint).Address, port)}" : options.Address.Text;
        log.Listening(role, at);
        if (options.Address.Path is null && options.RelayPins.Count == 0)
        {
            log.Unauthenticated(role, at);
        }

        return server;
    }

    /// <summary>Stops taking calls, lets those under way end within a moment, and removes the socket file.</summary>
    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _listener.Dispose();
        List<KeyValuePair<ServerConnection, Thread>> open = Open();
        open.ForEach(one => one.Key.Leave());
        for (long until = Environment.TickCount64 + StopMilliseconds; open.Exists(one => one.Key.HasCalls) && Environment.TickCount64 < until;)
        {
            Thread.Sleep(WaitMilliseconds);
        }

        open.ForEach(one => one.Key.Half());
        for (long until = Environment.TickCount64 + (StopMilliseconds / 4); open.Exists(one => one.Value.IsAlive) && Environment.TickCount64 < until;)
        {
            Thread.Sleep(WaitMilliseconds);
        }

        open.ForEach(one => one.Key.Close());
        open.ForEach(one => one.Value.Join());
        _parts.Relays?.Dispose();
    }

    private List<KeyValuePair<ServerConnection, Thread>> Open()
    {
        lock (_lock)
        {
            return [.. _connections];
        }
    }

    private void Accept()
    {
        while (!_stopping)
        {
            try
            {
                Look();
                if (_parts.Table.IsClogged)
                {
                    // The kernel's queue holds the rest.
                    Thread.Sleep(WaitMilliseconds);
                }
                else if (_listener.Accept(LookMilliseconds / 4) is { } socket)
                {
                    Begin(socket);
                }
            }
            catch (Exception e) when (e is SocketException or OutOfMemoryException)
            {
                // Descriptors or memory have run out, or whoever came is gone again.
                Thread.Sleep(WaitMilliseconds);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Look()
    {
        long now = Environment.TickCount64;
        if (now - _looked < LookMilliseconds)
        {
            return;
        }

        _looked = now;
        _parts.Budget.GiveUpSlow();
        Open().ForEach(one => one.Key.Watch(now));
        TellCrowd();
    }

    private void Begin(Socket socket)
    {
        ServerConnection? connection = null;
        bool begun = false;
        try
        {
            if (!MayEnter(socket, out uint? uid))
            {
                _parts.Counters.ConnectionRefused();
                return;
            }

            connection = new ServerConnection(_parts, socket, uid);
            Thread thread = new(() => Serve(connection), ServerConnection.StackSize) { IsBackground = true, Name = _parts.Role };
            lock (_lock)
            {
                // It waits for the lock at its end.
                thread.Start();
                begun = true;
                _connections.Add(connection, thread);
            }
        }
        catch (ThreadStartException)
        {
            // No memory for its stack: whoever comes later may be luckier.
        }
        finally
        {
            if (!begun)
            {
                connection?.Abandon();
                socket.Dispose();
            }

            TellCrowd();
        }
    }

    private void Serve(ServerConnection connection)
    {
        try
        {
            connection.Run();
        }
        catch (OutOfMemoryException)
        {
            // Not even for what is done at its end; its socket is closed.
        }
        finally
        {
            lock (_lock)
            {
                _connections.Remove(connection);
            }
        }
    }

    private bool MayEnter(Socket socket, out uint? uid)
    {
        uid = null;
        if (_parts.Uids is not { } uids)
        {
            return true;
        }

        PeerCredentials peer = PeerCredentials.Of(socket);
        uid = peer.Uid;
        if (uids.Contains(peer.Uid))
        {
            return true;
        }

        if (_parts.Refusals.TryAcquire(out long suppressed))
        {
            _parts.Log.PeerRefused(peer.Uid, peer.Pid, _parts.Role, suppressed);
        }

        return false;
    }

    private void TellCrowd()
    {
        long now = _parts.Table.Crowded;
        if (now != _told && _crowds.TryAcquire(out _))
        {
            _parts.Log.ConnectionsCrowded(_parts.Role, now - _told);
            _told = now;
        }
    }
}
