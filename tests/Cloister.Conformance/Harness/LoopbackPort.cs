using System.Net;
using System.Net.Sockets;

namespace Cloister.Conformance.Harness;

/// <summary>Ports of 127.0.0.1 for servers that cannot take port 0.</summary>
internal static class LoopbackPort
{
    // Below the range that the kernel hands out for outgoing connections.
    private const int First = 20_000;
    private const int End = 32_000;

    private static readonly HashSet<int> Given = [];

    /// <summary>A port that is free now and that no other test of this run was given.</summary>
    public static int Next()
    {
        lock (Given)
        {
            while (true)
            {
                int port = Random.Shared.Next(First, End);
                if (Given.Add(port) && IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    private static bool IsFree(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
