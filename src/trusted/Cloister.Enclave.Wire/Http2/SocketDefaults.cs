using System.Net.Sockets;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>What is done with every connection. secrets: none.</summary>
internal static class SocketDefaults
{
    // A peer that takes nothing for so long is gone; windows keep calls that are merely slow from filling the socket.
    private const int SendTimeoutMilliseconds = 20_000;
    private const int MostReads = 1024;

    internal static void Apply(Socket socket)
    {
        socket.SendTimeout = SendTimeoutMilliseconds;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (socket.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
        {
            socket.NoDelay = true;
        }
    }

    /// <summary>Ends a connection and whatever call waits on it.</summary>
    internal static void End(Socket socket)
    {
        Shutdown(socket, SocketShutdown.Both);
        socket.Dispose();
    }

    /// <summary>Says that nothing more comes from here.</summary>
    internal static void Half(Socket socket) => Shutdown(socket, SocketShutdown.Send);

    /// <summary>
    /// Says that nothing more comes from here, and waits a moment for the peer to do the same: closing with unread bytes would reset the connection and
    /// could take the last frames away from it.
    /// </summary>
    internal static void Linger(Socket socket, int milliseconds)
    {
        using Timer end = new(_ => End(socket), null, milliseconds, Timeout.Infinite);
        Half(socket);
        byte[] sink = new byte[4096];
        try
        {
            for (int i = 0; i < MostReads && socket.Receive(sink) > 0; i++)
            {
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Long enough.
        }
    }

    private static void Shutdown(Socket socket, SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over already.
        }
    }
}
