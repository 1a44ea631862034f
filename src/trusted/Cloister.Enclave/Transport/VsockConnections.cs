using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Cloister.Enclave.Transport;

/// <summary>Accepts vsock connections on a thread of its own and hands them to Kestrel one by one. secrets: pass through its connections.</summary>
internal sealed class VsockConnections : IConnectionListener
{
    private readonly Channel<Socket> _accepted = Channel.CreateBounded<Socket>(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly VsockListener _listener;
    private readonly SocketConnectionContextFactory _connections;
    private readonly Thread _thread;
    private int _disposed;

    internal VsockConnections(VsockListener listener, EndPoint endPoint, SocketConnectionContextFactory connections)
    {
        _listener = listener;
        _connections = connections;
        EndPoint = endPoint;
        _thread = new Thread(Accept) { IsBackground = true, Name = "vsock-accept" };
        _thread.Start();
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_accepted.Reader.TryRead(out Socket? socket))
            {
                return _connections.Create(socket);
            }
        }

        return null;
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await _stop.CancelAsync();
        _thread.Join();
        while (_accepted.Reader.TryRead(out Socket? waiting))
        {
            waiting.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await UnbindAsync();
        _listener.Dispose();
        _connections.Dispose();
        _stop.Dispose();
    }

    private void Accept()
    {
        Socket? socket = null;
        try
        {
            while ((socket = _listener.Accept(_stop.Token)) is not null)
            {
                _accepted.Writer.WriteAsync(socket, _stop.Token).AsTask().GetAwaiter().GetResult();
                socket = null;
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop while nobody took the last one.
            socket?.Dispose();
        }
        catch (SocketException e)
        {
            // Kestrel reports it, and the server listens no more.
            _accepted.Writer.TryComplete(e);
        }
        finally
        {
            _accepted.Writer.TryComplete();
        }
    }
}
