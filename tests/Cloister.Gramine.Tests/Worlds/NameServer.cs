using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>A DNS server on a loopback address of this process's own: <see cref="Known"/> is 127.0.0.1, every other name does not exist. Source: RFC 1035.</summary>
internal static class NameServer
{
    /// <summary>The one name that there is.</summary>
    internal const string Known = "broker.example";

    private const int HeaderSize = 12;
    private const ushort TypeA = 1;
    private static readonly Lazy<IPAddress> Started = new(Start);

    /// <summary>Where it answers, from the first time that this is asked for until the process ends.</summary>
    internal static IPAddress Address => Started.Value;

    private static IPAddress Start()
    {
        IPAddress address = new([127, 7, (byte)((Environment.ProcessId >> 8) & 0xFF), (byte)((Environment.ProcessId & 0xFF) | 1)]);
        UdpClient socket = new(new IPEndPoint(address, 53));
        _ = Task.Run(() => ServeAsync(socket));
        return address;
    }

    private static async Task ServeAsync(UdpClient socket)
    {
        using (socket)
        {
            while (true)
            {
                UdpReceiveResult query = await socket.ReceiveAsync();
                await socket.SendAsync(Answer(query.Buffer), query.RemoteEndPoint);
            }
        }
    }

    private static byte[] Answer(byte[] query)
    {
        StringBuilder name = new();
        int at = HeaderSize;
        for (; query[at] != 0; at += query[at] + 1)
        {
            name.Append(Encoding.ASCII.GetString(query, at + 1, query[at])).Append('.');
        }

        bool known = name.ToString() == Known + ".";
        bool answers = known && query[at + 2] == TypeA;
        byte[] header = [query[0], query[1], 0x81, (byte)(known ? 0x80 : 0x83), 0, 1, 0, (byte)(answers ? 1 : 0), 0, 0, 0, 0];
        byte[] address = answers ? [0xC0, HeaderSize, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1] : [];
        return [.. header, .. query.AsSpan(HeaderSize, at + 5 - HeaderSize), .. address];
    }
}
