using System.Net;
using System.Net.Sockets;

namespace Cloister.Sockets;

/// <summary>Connects to every kind of address that programs here connect to: TCP, by name as well, unix sockets, vsock.</summary>
public static class StreamSocket
{
    /// <summary>Connects.</summary>
    /// <exception cref="SocketException">Nobody there.</exception>
    public static async ValueTask<Socket> ConnectAsync(EndPoint target, CancellationToken cancellation)
    {
        if (target is VsockEndPoint vsock)
        {
            return await VsockSocket.ConnectAsync(vsock, cancellation);
        }

        // Of exactly the family that it needs: units may allow no other.
        Socket socket = target switch
        {
            UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            IPEndPoint => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
            _ => new Socket(SocketType.Stream, ProtocolType.Tcp),
        };
        try
        {
            await socket.ConnectAsync(target, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
