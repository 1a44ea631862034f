using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;
using static Cloister.Enclave.Wire.Http2.Http2ErrorCode;
using static Cloister.Gateway.Tests.Http2.Conformance.State;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>Requests that are malformed, and header blocks that are not HPACK. Named after the sections of RFC 9113 and RFC 7541.</summary>
internal static class MessageRules
{
    private const int Whole = FrameHeader.EndHeaders | FrameHeader.EndStream;

    private static readonly (string, string)[] Pseudo = RawPeer.Call(Call.Path)[..4];
    private static readonly byte[] Block = RawPeer.Block(RawPeer.Call(Call.Path));

    internal static readonly Rule[] All =
    [
        new("8.1", "HEADERS again without END_STREAM", Open, c => c.Headers(1, false, ("a", "b")), Scope.Stream, ProtocolError),
        new("8.1", "trailers", Open, c => c.Headers(1, true, ("a", "b")), Scope.None),
        new("8.1", "trailers with a pseudo-header", Open, c => c.Headers(1, true, (":path", "/")), Scope.Stream, ProtocolError),
        new("8.1", "trailers with a field of the connection", Open, c => c.Headers(1, true, ("connection", "close")), Scope.Stream, ProtocolError),
        new("8.1.1", "DATA longer than content-length", Idle, c => { Sized(c, "3", end: false); c.Send(FrameType.Data, 0, 1, new byte[4]); }, Scope.Stream, ProtocolError),
        new("8.1.1", "DATA shorter than content-length", Idle, c => { Sized(c, "3", end: false); c.Send(FrameType.Data, FrameHeader.EndStream, 1, new byte[2]); }, Scope.Stream, ProtocolError),
        new("8.1.1", "several DATA, together longer than content-length", Idle, c =>
        {
            Sized(c, "3", end: false);
            c.Send(FrameType.Data, 0, 1, new byte[2]);
            c.Send(FrameType.Data, FrameHeader.EndStream, 1, new byte[2]);
        }, Scope.Stream, ProtocolError),
        new("8.1.1", "trailers before content-length is reached", Idle, c => { Sized(c, "3", end: false); c.Headers(1, true, ("a", "b")); }, Scope.Stream, ProtocolError),
        new("8.1.1", "END_STREAM before content-length is reached", Idle, c => Sized(c, "3", end: true), Scope.Stream, ProtocolError),
        new("8.1.1", "content-length that is kept, padding not counted", Idle, c => { Sized(c, "3", end: false); c.Send(FrameType.Data, FrameHeader.EndStream | FrameHeader.Padded, 1, [1, 0, 0, 0, 0]); }, Scope.None),
        new("8.1.1", "content-length twice", Idle, c => c.Headers(1, false, [.. RawPeer.Call(Call.Path), ("content-length", "3"), ("content-length", "3")]), Scope.Stream, ProtocolError),
        new("8.1.1", "content-length that is no number", Idle, c => Sized(c, "+3", end: false), Scope.Stream, ProtocolError),
        Field("8.2.1", "a capital letter", "Upper", "x"),
        Field("8.2.1", "a space in a name", "bad name", "x"),
        Field("8.2.1", "a name of no letters", "", "x"),
        Field("8.2.1", "a colon within a name", "a:b", "x"),
        Field("8.2.1", "a byte above 127 in a name", "n\u00e9", "x"),
        Field("8.2.1", "a line feed in a value", "x", "a\nb"),
        Field("8.2.1", "a carriage return in a value", "x", "a\rb"),
        Field("8.2.1", "NUL in a value", "x", "a\0b"),
        Field("8.2.1", "a value that begins with a space", "x", " a"),
        Field("8.2.1", "a value that ends with a tab", "x", "a\t"),
        Field("8.2.2", "connection", "connection", "close"),
        Field("8.2.2", "keep-alive", "keep-alive", "5"),
        Field("8.2.2", "proxy-connection", "proxy-connection", "close"),
        Field("8.2.2", "transfer-encoding", "transfer-encoding", "chunked"),
        Field("8.2.2", "upgrade", "upgrade", "h2c"),
        Field("8.2.2", "te that is not trailers", "te", "trailers, deflate;q=0.5"),
        Field("8.3", "a pseudo-header behind a field", ":path", "/other"),
        Field("8.3", "a pseudo-header of responses", ":status", "200"),
        Begin("8.3", "an unknown pseudo-header", [.. Pseudo, (":protocol2", "x")]),
        Begin("8.3", "a pseudo-header of responses in front", [(":status", "200"), .. Pseudo]),
        Begin("8.3.1", "no :method", Pseudo[1..]),
        Begin("8.3.1", "no :scheme", [Pseudo[0], .. Pseudo[2..]]),
        Begin("8.3.1", "no :path", [.. Pseudo[..2], Pseudo[3]]),
        Begin("8.3.1", ":path that is empty", [.. Pseudo[..2], (":path", "")]),
        Begin("8.3.1", ":method twice", [Pseudo[0], .. Pseudo]),
        Begin("8.3.1", ":scheme twice", [Pseudo[1], .. Pseudo]),
        Begin("8.3.1", ":path twice", [Pseudo[2], .. Pseudo]),
        Begin("8.3.1", ":authority twice", [Pseudo[3], .. Pseudo]),
        Begin("8.5", "CONNECT with :path", [(":method", "CONNECT"), .. Pseudo[1..]]),
        new("8.5", "CONNECT", Idle, c => c.Headers(1, true, (":method", "CONNECT"), (":authority", "a:1")), Scope.None),

        Hpack("2.3.3", "an index behind the table", [0xbe]),
        Hpack("2.3.3", "a name's index behind the table", [0x7f, 0x00, 0x01, (byte)'a']),
        Hpack("4.2", "a size larger than the table's limit", [0x3f, 0xe2, 0x1f, .. Block]),
        Hpack("4.2", "a size behind a field", [.. Block, 0x20]),
        new("HPACK 4.2", "two sizes in front", Idle, c => c.Send(FrameType.Headers, Whole, 1, [0x20, 0x3f, 0xe1, 0x1f, .. Block]), Scope.None),
        Hpack("5.1", "a number without an end", [0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
        Hpack("5.2", "a string longer than the block", [0x00, 0x7f, 0x10, (byte)'a']),
        Hpack("5.2", "Huffman padding of eight bits", [0x00, 0x82, 0x1f, 0xff, 0x01, (byte)'a']),
        Hpack("5.2", "Huffman padding of zeros", [0x00, 0x81, 0x00, 0x01, (byte)'a']),
        Hpack("5.2", "the end symbol of Huffman", [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, (byte)'a']),
        Hpack("6.1", "index 0", [0x80]),
        Hpack("6.3", "a size larger than 2^31", [0x3f, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ];

    private static void Sized(RawPeer client, string length, bool end) => client.Headers(1, end, [.. RawPeer.Call(Call.Path), ("content-length", length)]);

    private static Rule Field(string section, string what, string name, string value) =>
        Begin(section, what, [.. RawPeer.Call(Call.Path)[..5], (name, value)]);

    private static Rule Begin(string section, string what, (string, string)[] fields) =>
        new(section, what, Idle, c => c.Headers(1, true, fields), Scope.Stream, ProtocolError);

    private static Rule Hpack(string section, string what, byte[] block) =>
        new($"HPACK {section}", what, Idle, c => c.Send(FrameType.Headers, Whole, 1, block), Scope.Connection, CompressionError);
}
