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
    private bool _received;
    private bool _ended;

    /// <summary>The other side ended it before it said anything, and before this one did.</summary>
    internal bool WasCut { get; private set; }

    internal override async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int received = 0;
        try
        {
            return received = await tls.ReadAsync(buffer, cancellation);
        }
        finally
        {
            _received |= received > 0;
            WasCut |= !_received && !_ended && !cancellation.IsCancellationRequested;
        }
    }

    internal override ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation) => tls.WriteAsync(bytes, cancellation);

    internal override async ValueTask EndAsync()
    {
        _ended = true;
        await tls.ShutdownAsync();
    }
}
