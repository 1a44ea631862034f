using System.Net.Sockets;

namespace Cloister.Cli.Tests.Relay;

/// <summary>Whole messages over sockets.</summary>
internal static class SocketBytes
{
    /// <summary>Sends everything, in pieces of random sizes up to a limit.</summary>
    internal static async Task SendAllAsync(this Socket socket, byte[] bytes, Random random, int largest)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            int size = Math.Min(random.Next(1, largest + 1), bytes.Length - sent);
            for (int end = sent + size; sent < end;)
            {
                sent += await socket.SendAsync(bytes.AsMemory(sent, end - sent), SocketFlags.None);
            }
        }
    }

    /// <summary>Receives up to the end of the other side's sending.</summary>
    internal static async Task<byte[]> ReceiveToEndAsync(this Socket socket)
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[65_536];
        for (int received; (received = await socket.ReceiveAsync(buffer, SocketFlags.None)) > 0;)
        {
            all.Write(buffer, 0, received);
        }

        return all.ToArray();
    }

    /// <summary>Receives exactly that many bytes.</summary>
    internal static async Task<byte[]> ReceiveExactlyAsync(this Socket socket, int length)
    {
        byte[] bytes = new byte[length];
        for (int have = 0; have < length;)
        {
            int received = await socket.ReceiveAsync(bytes.AsMemory(have), SocketFlags.None);
            Assert.NotEqual(0, received);
            have += received;
        }

        return bytes;
    }

    /// <summary>Whether the other side is gone: the end, or a reset.</summary>
    internal static async Task<bool> SeesCloseAsync(this Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None) == 0;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown;
        }
    }

    /// <summary>Closes with a reset where the protocol has one.</summary>
    internal static void Reset(this Socket socket)
    {
        if (socket.AddressFamily != AddressFamily.Unix)
        {
            socket.LingerState = new LingerOption(true, 0);
        }

        socket.Dispose();
    }
}
