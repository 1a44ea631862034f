using System.Buffers.Binary;
using System.Net.Sockets;

namespace Cloister.Sockets;

/// <summary>Who is at the other end of a unix socket, as the kernel says. Source: unix(7), SO_PEERCRED.</summary>
/// <param name="Pid">Process.</param>
/// <param name="Uid">User.</param>
public readonly record struct PeerCredentials(int Pid, uint Uid)
{
    private const int SocketLevel = 1;
    private const int PeerCredentialsOption = 17;

    /// <summary>Asks the kernel.</summary>
    /// <exception cref="SocketException">Not a connected unix socket.</exception>
    public static PeerCredentials Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SocketLevel, PeerCredentialsOption, credentials);
        return new PeerCredentials(
            BinaryPrimitives.ReadInt32LittleEndian(credentials),
            BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]));
    }
}
