using System.Net;
using System.Net.Sockets;

namespace Cloister.Cli.Enclaves;

/// <summary>TCP ports on 127.0.0.1.</summary>
internal static class LoopbackPort
{
    /// <summary>A port that nobody listens on now.</summary>
    internal static int Free()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
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
