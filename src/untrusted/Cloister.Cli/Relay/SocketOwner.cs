using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Cloister.Cli.Relay;

/// <summary>
/// Whose process is at the other end of a TCP connection on this machine, as the kernel says: a port above 1023 is free for everybody while the
/// enclave is away. Source: Documentation/networking/proc_net_tcp.rst.
/// </summary>
internal static class SocketOwner
{
    private const int LocalAddress = 1;
    private const int RemoteAddress = 2;
    private const int Uid = 7;
    private const int Inode = 9;

    /// <summary>The user of the peer of a connected socket, once the peer has answered; null when the kernel does not list it.</summary>
    internal static uint? OfPeer(Socket socket)
    {
        string local = Text((IPEndPoint)socket.LocalEndPoint!);
        string peer = Text((IPEndPoint)socket.RemoteEndPoint!);
        foreach (string line in File.ReadLines(socket.AddressFamily == AddressFamily.InterNetworkV6 ? "/proc/self/net/tcp6" : "/proc/self/net/tcp"))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

            // The peer's own end of this very connection. Without an inode nobody has accepted it yet.
            if (fields.Length > Inode && fields[LocalAddress] == peer && fields[RemoteAddress] == local && fields[Inode] != "0"
                && uint.TryParse(fields[Uid], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid))
            {
                return uid;
            }
        }

        return null;
    }

    // Words of 32 bits in the machine's order, then the port.
    private static string Text(IPEndPoint endPoint)
    {
        byte[] address = endPoint.Address.GetAddressBytes();
        for (int word = 0; word < address.Length; word += 4)
        {
            address.AsSpan(word, 4).Reverse();
        }

        return $"{Convert.ToHexString(address)}:{endPoint.Port:X4}";
    }
}
