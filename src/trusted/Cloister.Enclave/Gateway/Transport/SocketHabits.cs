using System.Net.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Settings of every connection. secrets: none.</summary>
internal static class SocketHabits
{
    // A peer that takes nothing for so long is gone; windows keep calls that are merely slow from filling the socket.
    private const int SendTimeoutMilliseconds = 20_000;

    internal static void Apply(Socket socket)
    {
        socket.NoDelay = true;
        socket.SendTimeout = SendTimeoutMilliseconds;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
    }

    /// <summary>Ends a connection and whatever call waits on it.</summary>
    internal static void End(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over already.
        }

        socket.Dispose();
    }
}
