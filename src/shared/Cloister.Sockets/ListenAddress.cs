using System.Net;
using System.Net.Sockets;

namespace Cloister.Sockets;

/// <summary>
/// Where to listen: <c>unix:/absolute/path</c>, <c>tcp:127.0.0.1:port</c> (another address only where the caller sees to who may connect) or, in a virtual
/// machine of its own, <c>vsock:port</c>.
/// </summary>
/// <param name="Text">As configured.</param>
/// <param name="EndPoint">The socket address.</param>
public sealed record ListenAddress(string Text, EndPoint EndPoint)
{
    // sun_path of Linux, with its final zero.
    private const int MaxPathSize = 107;

    /// <summary>The path of a unix socket, or null.</summary>
    public string? Path => EndPoint is UnixDomainSocketEndPoint ? Text["unix:".Length..] : null;

    /// <summary>False when other machines reach it over a network.</summary>
    public bool IsLocal => EndPoint is not IPEndPoint address || IPAddress.IsLoopback(address.Address);

    /// <summary>Reads an address that is <see cref="IsLocal"/>; on failure <paramref name="error"/> says what is wrong.</summary>
    public static ListenAddress? Parse(string text, out string error)
    {
        ListenAddress? address = ParseAny(text, out error);
        if (address is null or { IsLocal: true })
        {
            return address;
        }

        error = "only loopback addresses: the protocol is plain text, a relay on this machine stands in front of it";
        return null;
    }

    /// <summary>As <see cref="Parse"/>, with addresses that a network reaches: the caller has to require a proof of who connects.</summary>
    public static ListenAddress? ParseAny(string text, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        error = "";
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            string path = text["unix:".Length..];
            if (path.Length > 0 && path[0] == '/' && System.Text.Encoding.UTF8.GetByteCount(path) <= MaxPathSize)
            {
                return new ListenAddress(text, new UnixDomainSocketEndPoint(path));
            }

            error = $"a unix socket has an absolute path of at most {MaxPathSize} bytes";
            return null;
        }

        if (text.StartsWith("tcp:", StringComparison.Ordinal) && IPEndPoint.TryParse(text.AsSpan("tcp:".Length), out IPEndPoint? endPoint))
        {
            return new ListenAddress(text, endPoint);
        }

        if (VsockEndPoint.Parse(text) is { Cid: VsockEndPoint.AnyCid } vsock)
        {
            return new ListenAddress(text, vsock);
        }

        error = "an address is unix:/absolute/path, tcp:127.0.0.1:port or vsock:port";
        return null;
    }

    /// <summary>Binds a socket to the address; the caller listens. For vsock there is <see cref="VsockListener"/>.</summary>
    /// <exception cref="ListenException">It cannot be done (safely); the message says what to do.</exception>
    public Socket Bind(SocketPermissions permissions)
    {
        if (Path is { } path)
        {
            return UnixSocket.Bind(path, permissions);
        }

        if (EndPoint is VsockEndPoint)
        {
            throw new ListenException($"{Text}: nothing listens on vsock here; use unix: or tcp:");
        }

        Socket socket = new(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(EndPoint);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new ListenException($"{Text}: cannot bind ({e.SocketErrorCode}): choose another port, or stop who has this one");
        }
    }

    /// <summary>As configured.</summary>
    public override string ToString() => Text;
}
