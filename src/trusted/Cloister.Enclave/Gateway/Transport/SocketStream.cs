using System.Net.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// A socket that waits only for bytes that somebody wants. .NET's TLS reads nothing before each record, to wait without a buffer; on a
/// thread of its own that is a system call for nothing. secrets: pass through.
/// </summary>
internal sealed class SocketStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    public override int Read(Span<byte> buffer) => buffer.IsEmpty ? 0 : base.Read(buffer);
}
