using System.Net.Security;
using System.Net.Sockets;

namespace Cloister.Cli.Relay;

/// <summary>One end of a relayed connection.</summary>
internal abstract class RelayEnd
{
    /// <summary>Receives; 0 when the peer ended its direction.</summary>
    internal abstract ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellation);

    /// <summary>Sends all of it.</summary>
    internal abstract ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation);

    /// <summary>Ends this direction; the other goes on.</summary>
    internal abstract ValueTask EndAsync();
}

/// <summary>A socket.</summary>
internal sealed class SocketEnd(Socket socket) : RelayEnd
{
    internal override ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellation) => socket.ReceiveAsync(buffer, SocketFlags.None, cancellation);

    internal override async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellation)..];
        }
    }

    internal override ValueTask EndAsync()
    {
        socket.Shutdown(SocketShutdown.Send);
        return ValueTask.CompletedTask;
    }
}

/// <summary>TLS on a socket.</summary>
internal sealed class TlsEnd(SslStream tls) : RelayEnd
{
    /// <summary>Whether anything was sent to the other side.</summary>
    internal bool HasSent { get; private set; }

    /// <summary>Whether anything came from it.</summary>
    internal bool HasReceived { get; private set; }

    internal override async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int received = await tls.ReadAsync(buffer, cancellation);
        HasReceived |= received > 0;
        return received;
    }

    internal override ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        HasSent = true;
        return tls.WriteAsync(bytes, cancellation);
    }

    internal override async ValueTask EndAsync() => await tls.ShutdownAsync();
}
