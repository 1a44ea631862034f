using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Cloister.Cli.Enclaves;

/// <summary>TCP ports on 127.0.0.1.</summary>
internal static class LoopbackPort
{
    // Below those that Linux gives to connections on their way out: one of these would take the port before the program that it is for.
    private const int First = 20_000;
    private const int End = 32_768;

    /// <summary>A port that nobody listens on now.</summary>
    internal static int Free()
    {
        while (true)
        {
            int port = RandomNumberGenerator.GetInt32(First, End);
            if (IsFree(new IPEndPoint(IPAddress.Loopback, port)))
            {
                return port;
            }
        }
    }

    /// <summary>Whether a program could listen on this address now.</summary>
    internal static bool IsFree(IPEndPoint address)
    {
        using TcpListener listener = new(address);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
