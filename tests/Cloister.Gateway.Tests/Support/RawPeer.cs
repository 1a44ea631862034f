using System.Buffers.Binary;
using System.Text;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Speaks HTTP/2 frame by frame, rightly or wrongly, on either side of a gateway.</summary>
internal sealed class RawPeer : IDisposable
{
    internal static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly Stream _stream;
    private readonly FrameReader _reader;
    private readonly HpackDecoder _hpack = new();

    internal RawPeer(Stream stream)
    {
        _stream = stream;
        _reader = new FrameReader(stream);
    }

    internal int WriteTimeout
    {
        set => _stream.WriteTimeout = value;
    }

    internal void Raw(byte[] bytes) => _stream.Write(bytes);

    /// <summary>Begins as a client does.</summary>
    internal RawPeer Begin(params (int Id, int Value)[] settings)
    {
        Raw(Preface);
        Send(FrameType.Settings, 0, 0, PeerSettings.Payload(settings));
        return this;
    }

    /// <summary>Begins as a server does.</summary>
    internal RawPeer Accept(params (int Id, int Value)[] settings)
    {
        Assert.True(_reader.TakePreface(Preface));
        Send(FrameType.Settings, 0, 0, PeerSettings.Payload(settings));
        return this;
    }

    internal void Send(FrameType type, int flags, int streamId, ReadOnlySpan<byte> payload)
    {
        FrameWriter writer = new();
        writer.Frame(type, (byte)flags, streamId, payload);
        _stream.Write(writer.Written);
    }

    internal void Headers(int streamId, bool end, params (string Name, string Value)[] fields) =>
        Send(FrameType.Headers, FrameHeader.EndHeaders | (end ? FrameHeader.EndStream : 0), streamId, Block(fields));

    internal static byte[] Block(params (string Name, string Value)[] fields) =>
        Literals.Encode(fields.Select(field => new HeaderField(Encoding.Latin1.GetBytes(field.Name), Encoding.Latin1.GetBytes(field.Value))));

    /// <summary>The headers of a call, as grpc-go sends them.</summary>
    internal static (string Name, string Value)[] Call(string path, params (string Name, string Value)[] more) =>
    [
        (":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "127.0.0.1:2390"), ("content-type", "application/grpc"),
        ("user-agent", "grpc-go/1.81.1"), ("te", "trailers"), .. more,
    ];

    /// <summary>Asks for all Secrets.</summary>
    internal void Ask(int streamId, string path = "/etcdserverpb.KV/Range")
    {
        Headers(streamId, false, Call(path));
        Message(streamId, Etcd.AskAll(), end: true);
    }

    internal void Message(int streamId, byte[] message, bool end = false)
    {
        byte[] framed = Framed(message);
        for (int at = 0; at < framed.Length || (at == 0 && end); at += FrameReader.MaxPayload)
        {
            int length = Math.Min(FrameReader.MaxPayload, framed.Length - at);
            Send(FrameType.Data, end && at + length == framed.Length ? FrameHeader.EndStream : 0, streamId, framed.AsSpan(at, length));
        }
    }

    internal static byte[] Framed(byte[] message)
    {
        byte[] framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        return framed;
    }

    internal void WindowUpdate(int streamId, int increment)
    {
        byte[] payload = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, increment);
        Send(FrameType.WindowUpdate, 0, streamId, payload);
    }

    internal void Reset(int streamId, Http2ErrorCode code)
    {
        byte[] payload = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)code);
        Send(FrameType.RstStream, 0, streamId, payload);
    }

    /// <summary>The next frame of a stream: those of the connection do not count.</summary>
    internal FrameHeader NextOfAStream()
    {
        while (true)
        {
            FrameHeader header = Next()!.Value.Header;
            if (header.StreamId != 0)
            {
                return header;
            }
        }
    }

    /// <summary>The next frame, or null at the end of the connection.</summary>
    internal (FrameHeader Header, byte[] Payload)? Next()
    {
        FrameHeader header;
        ReadOnlySpan<byte> payload;
        while (!_reader.TryNext(out header, out payload))
        {
            try
            {
                if (!_reader.Fill())
                {
                    return null;
                }
            }
            catch (IOException e) when (e.InnerException is System.Net.Sockets.SocketException { SocketErrorCode: System.Net.Sockets.SocketError.ConnectionReset })
            {
                return null;
            }
        }

        return (header, payload.ToArray());
    }

    /// <summary>The next frame of a kind; others are dropped.</summary>
    internal (FrameHeader Header, byte[] Payload) Next(FrameType type, int flags = 0)
    {
        while (true)
        {
            (FrameHeader Header, byte[] Payload) frame = Next() ?? throw new EndOfStreamException($"the connection ended before {type}");
            if (frame.Header.Type == FrameType.GoAway && type != FrameType.GoAway)
            {
                throw new InvalidOperationException($"GOAWAY {Code(frame.Payload)}: {Encoding.ASCII.GetString(frame.Payload.AsSpan(8))}");
            }

            if (frame.Header.Type == type && (frame.Header.Flags & flags) == flags)
            {
                return frame;
            }
        }
    }

    /// <summary>The next headers, as text.</summary>
    internal (int StreamId, bool End, Dictionary<string, string> Fields) NextHeaders()
    {
        (FrameHeader header, byte[] payload) = Next(FrameType.Headers);
        Dictionary<string, string> fields = _hpack.Decode(payload).ToDictionary(field => Encoding.Latin1.GetString(field.Name), field => Encoding.Latin1.GetString(field.Value));
        return (header.StreamId, header.Has(FrameHeader.EndStream), fields);
    }

    /// <summary>The bytes of DATA until there are so many, granting more as they come.</summary>
    internal byte[] NextData(int streamId, int length)
    {
        MemoryStream data = new();
        while (data.Length < length)
        {
            (FrameHeader header, byte[] payload) = NextOf(streamId);
            Assert.True(header.Type == FrameType.Data, $"{header.Type} {Told(header, payload)} after {data.Length} of {length} bytes");
            Assert.Equal(streamId, header.StreamId);
            data.Write(payload);
            if (payload.Length > 0)
            {
                WindowUpdate(0, payload.Length);
                WindowUpdate(streamId, payload.Length);
            }
        }

        return data.ToArray();
    }

    private string Told(FrameHeader header, byte[] payload) => header.Type switch
    {
        FrameType.Headers => string.Join(", ", _hpack.Decode(payload).Select(field => $"{Encoding.Latin1.GetString(field.Name)}: {Encoding.Latin1.GetString(field.Value)}")),
        FrameType.RstStream => $"{Code(payload)}",
        _ => "",
    };

    // DATA, or what ends the stream or the connection.
    private (FrameHeader Header, byte[] Payload) NextOf(int streamId)
    {
        while (true)
        {
            (FrameHeader Header, byte[] Payload) frame = Next() ?? throw new EndOfStreamException($"the connection ended before DATA of stream {streamId}");
            if (frame.Header.Type is FrameType.GoAway or FrameType.Data || (frame.Header.StreamId == streamId && (frame.Header.Type == FrameType.RstStream || frame.Header is { Type: FrameType.Headers } headers && headers.Has(FrameHeader.EndStream))))
            {
                return frame;
            }
        }
    }

    /// <summary>The next message of a call.</summary>
    internal byte[] NextMessage(int streamId)
    {
        byte[] data = NextData(streamId, 5);
        int length = BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(1));
        if (data.Length < 5 + length)
        {
            data = [.. data, .. NextData(streamId, 5 + length - data.Length)];
        }

        Assert.Equal(5 + length, data.Length);
        return data[5..];
    }

    /// <summary>The code of GOAWAY or RST_STREAM.</summary>
    internal static Http2ErrorCode Code(byte[] payload) => (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(payload.Length >= 8 ? 4 : 0));

    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
    }
}
