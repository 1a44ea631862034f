using System.Net;
using System.Net.Sockets;

namespace Cloister.Sockets;

/// <summary>Listens on an address of any kind, for one thread that accepts.</summary>
public sealed class Listener : IDisposable
{
    private readonly ListenAddress _address;
    private readonly Socket? _socket;
    private readonly VsockListener? _vsock;

    private Listener(ListenAddress address, Socket? socket, VsockListener? vsock)
    {
        _address = address;
        _socket = socket;
        _vsock = vsock;
        Port = (socket?.LocalEndPoint as IPEndPoint)?.Port;
    }

    /// <summary>Port of a TCP address, which may have been chosen by the system.</summary>
    public int? Port { get; }

    /// <summary>Binds and listens.</summary>
    /// <exception cref="ListenException">It cannot be done (safely); the message says what to do.</exception>
    public static Listener Bind(ListenAddress address, SocketPermissions permissions, int backlog)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.EndPoint is VsockEndPoint vsock)
        {
            return new Listener(address, null, VsockListener.Bind(vsock, backlog));
        }

        Socket socket = address.Bind(permissions);
        socket.Listen(backlog);
        return new Listener(address, socket, null);
    }

    /// <summary>Listens with what listens on vsock already; takes it over.</summary>
    public static Listener Of(ListenAddress address, VsockListener vsock) => new(address, null, vsock);

    /// <summary>Waits for a connection on the caller's thread. The connection is blocking.</summary>
    /// <param name="milliseconds">For how long at most.</param>
    /// <returns>The connection, or null when there was none.</returns>
    /// <exception cref="SocketException">There is one, and it cannot be had: descriptors have run out, or this listener was disposed of.</exception>
    public Socket? Accept(int milliseconds)
    {
        if (_vsock is not null)
        {
            return _vsock.Accept(milliseconds);
        }

        // Asked first, and not made non-blocking: .NET would wait for every byte of what it accepts on threads of its own.
        return _socket!.Poll(TimeSpan.FromMilliseconds(milliseconds), SelectMode.SelectRead) ? _socket.Accept() : null;
    }

    /// <summary>Stops listening and removes the socket's file.</summary>
    public void Dispose()
    {
        _vsock?.Dispose();
        _socket?.Dispose();
        if (_address.Path is { } path)
        {
            File.Delete(path);
        }
    }
}
