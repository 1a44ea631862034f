using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;
using static Cloister.Enclave.Wire.Http2.Http2ErrorCode;
using static Cloister.Gateway.Tests.Http2.Conformance.Scope;
using static Cloister.Gateway.Tests.Http2.Conformance.State;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>What an API server's side may and may not send, frame by frame. Named after the sections of RFC 9113.</summary>
internal static class ServerRules
{
    private const int End = FrameHeader.EndStream;
    private const int EndHeaders = FrameHeader.EndHeaders;
    private const int Padded = FrameHeader.Padded;
    private const int Priority = FrameHeader.Priority;

    private static readonly byte[] Block = RawPeer.Block(RawPeer.Call(Call.Path));

    internal static readonly Rule[] All =
    [
        // Frames.
        new("4.1", "a frame of an unknown type", Open, c => c.Send((FrameType)0x42, 0xFF, 1, new byte[100]), Scope.None),
        new("4.1", "a frame of an unknown type on an idle stream", Idle, c => c.Send((FrameType)0x42, 0, 99, []), Scope.None),
        new("4.1", "undefined flags", Open, c => c.Send(FrameType.WindowUpdate, 0xFF, 1, Number(1)), Scope.None),
        new("4.1", "the reserved bit of the stream", Open, c => c.Raw([0, 0, 4, 8, 0, 0x80, 0, 0, 1, .. Number(1)]), Scope.None),
        new("4.2", "DATA of 16384 bytes", Open, c => c.Send(FrameType.Data, 0, 1, new byte[16_384]), Scope.None),
        new("4.2", "DATA of 16385 bytes", Open, c => c.Raw(Frame(FrameType.Data, 0, 1, new byte[16_385])), Connection, FrameSizeError),
        new("4.2", "HEADERS of 16385 bytes", Idle, c => c.Raw(Frame(FrameType.Headers, EndHeaders, 1, new byte[16_385])), Connection, FrameSizeError),
        new("4.2", "an unknown frame of 16385 bytes", Idle, c => c.Raw(Frame((FrameType)0x42, 0, 0, new byte[16_385])), Connection, FrameSizeError),
        new("4.3", "a block that is not HPACK", Idle, c => c.Send(FrameType.Headers, EndHeaders | End, 1, [0x80]), Connection, CompressionError),
        new("4.3", "trailers that are not HPACK", Open, c => c.Send(FrameType.Headers, EndHeaders | End, 1, [0x80]), Connection, CompressionError),
        new("4.3", "a block that is not HPACK, after the reset", ResetByGateway, c => c.Send(FrameType.Headers, EndHeaders | End, 1, [0x80]), Connection, CompressionError),
        new("4.3", "PING inside a block", Idle, c => { c.Send(FrameType.Headers, 0, 1, Block); c.Send(FrameType.Ping, 0, 0, new byte[8]); }, Connection, ProtocolError),
        new("4.3", "HEADERS of another stream inside a block", Idle, c => { c.Send(FrameType.Headers, 0, 1, Block); c.Send(FrameType.Headers, EndHeaders, 3, Block); }, Connection, ProtocolError),

        // States of streams.
        new("5.1", "DATA", Idle, c => c.Send(FrameType.Data, 0, 1, [0]), Connection, ProtocolError),
        new("5.1", "RST_STREAM", Idle, c => c.Reset(1, Cancel), Connection, ProtocolError),
        new("5.1", "WINDOW_UPDATE", Idle, c => c.WindowUpdate(1, 1), Connection, ProtocolError),
        new("5.1", "CONTINUATION", Idle, c => c.Send(FrameType.Continuation, EndHeaders, 1, Block), Connection, ProtocolError),
        new("5.1", "PRIORITY", Idle, c => c.Send(FrameType.Priority, 0, 1, new byte[5]), Scope.None),
        new("5.1", "DATA", HalfClosed, c => c.Send(FrameType.Data, 0, 1, [0]), Scope.Stream, StreamClosed),
        new("5.1", "HEADERS", HalfClosed, c => c.Headers(1, true, ("a", "b")), Scope.Stream, StreamClosed),
        new("5.1", "CONTINUATION", HalfClosed, c => c.Send(FrameType.Continuation, EndHeaders, 1, Block), Connection, ProtocolError),
        new("5.1", "WINDOW_UPDATE", HalfClosed, c => c.WindowUpdate(1, 1), Scope.None),
        new("5.1", "PRIORITY", HalfClosed, c => c.Send(FrameType.Priority, 0, 1, new byte[5]), Scope.None),
        new("5.1", "RST_STREAM", HalfClosed, c => c.Reset(1, Cancel), Scope.None),
        new("5.1", "DATA", Closed, c => c.Send(FrameType.Data, 0, 1, [0]), Connection, StreamClosed),
        new("5.1", "HEADERS", Closed, c => c.Headers(1, true, ("a", "b")), Connection, StreamClosed),
        new("5.1", "CONTINUATION", Closed, c => c.Send(FrameType.Continuation, EndHeaders, 1, Block), Connection, ProtocolError),
        new("5.1", "WINDOW_UPDATE", Closed, c => c.WindowUpdate(1, 1), Scope.None),
        new("5.1", "PRIORITY", Closed, c => c.Send(FrameType.Priority, 0, 1, new byte[5]), Scope.None),
        new("5.1", "RST_STREAM", Closed, c => c.Reset(1, Cancel), Scope.None),
        new("5.1", "DATA", ResetBySender, c => c.Send(FrameType.Data, 0, 1, [0]), Scope.Stream, StreamClosed),
        new("5.1", "HEADERS", ResetBySender, c => c.Headers(1, true, ("a", "b")), Scope.Stream, StreamClosed),
        new("5.1", "WINDOW_UPDATE", ResetBySender, c => c.WindowUpdate(1, 1), Scope.None),
        new("5.1", "RST_STREAM", ResetBySender, c => c.Reset(1, Cancel), Scope.None),
        new("5.1", "DATA", ResetByGateway, c => c.Send(FrameType.Data, End, 1, new byte[1000]), Scope.None),
        new("5.1", "HEADERS", ResetByGateway, c => c.Headers(1, true, ("a", "b")), Scope.None),
        new("5.1.1", "a call on an even stream", Open, c => c.Headers(2, true, RawPeer.Call(Call.Path)), Connection, ProtocolError),
        new("5.1.1", "a call on a stream that was skipped", Open, c => { c.Headers(5, true, RawPeer.Call("/x/Y")); c.Headers(3, true, RawPeer.Call("/x/Y")); }, Connection, ProtocolError),
        new("5.1.1", "DATA on a server's stream", HalfClosed, c => { c.Headers(5, true, RawPeer.Call("/x/Y")); c.Send(FrameType.Data, 0, 2, [0]); }, Connection, ProtocolError),
        new("5.3", "HEADERS that depend on themselves", Idle, c => c.Send(FrameType.Headers, EndHeaders | End | Priority, 1, [0, 0, 0, 1, 16, .. Block]), Scope.None),
        new("5.3", "PRIORITY that depends on itself", Open, c => c.Send(FrameType.Priority, 0, 1, [0, 0, 0, 1, 16]), Scope.None),
        new("5.5", "a setting that is not known", Open, c => c.Send(FrameType.Settings, 0, 0, PeerSettings.Payload((0x77, 5))), Scope.None),
        new("5.5", "an unknown frame inside a block", Idle, c => { c.Send(FrameType.Headers, 0, 1, Block); c.Send((FrameType)0x42, 0, 0, []); }, Connection, ProtocolError),

        // DATA, HEADERS, PRIORITY, RST_STREAM.
        new("6.1", "DATA on stream 0", Open, c => c.Send(FrameType.Data, 0, 0, [0]), Connection, ProtocolError),
        new("6.1", "padding as long as the frame", Open, c => c.Send(FrameType.Data, Padded, 1, [2, 0]), Connection, ProtocolError),
        new("6.1", "padding without its length", Open, c => c.Send(FrameType.Data, Padded, 1, []), Connection, FrameSizeError),
        new("6.1", "nothing but padding", Open, c => c.Send(FrameType.Data, Padded, 1, [2, 0, 0]), Scope.None),
        new("6.2", "HEADERS on stream 0", Idle, c => c.Send(FrameType.Headers, EndHeaders, 0, Block), Connection, ProtocolError),
        new("6.2", "padding longer than the block", Idle, c => c.Send(FrameType.Headers, EndHeaders | Padded, 1, [3, 0x82]), Connection, ProtocolError),
        new("6.2", "padding that reaches into the priority", Idle, c => c.Send(FrameType.Headers, EndHeaders | Padded | Priority, 1, [4, 0, 0, 0, 0, 0, 0x82, 0, 0]), Connection, ProtocolError),
        new("6.2", "too short for a priority", Idle, c => c.Send(FrameType.Headers, EndHeaders | Priority, 1, [0, 0]), Connection, FrameSizeError),
        new("6.3", "PRIORITY on stream 0", Open, c => c.Send(FrameType.Priority, 0, 0, new byte[5]), Connection, ProtocolError),
        new("6.3", "PRIORITY of four bytes", Open, c => c.Send(FrameType.Priority, 0, 1, new byte[4]), Scope.Stream, FrameSizeError),
        new("6.4", "RST_STREAM on stream 0", Open, c => c.Reset(0, Cancel), Connection, ProtocolError),
        new("6.4", "RST_STREAM of three bytes", Open, c => c.Send(FrameType.RstStream, 0, 1, new byte[3]), Connection, FrameSizeError),
        new("7", "RST_STREAM with an unknown code", Open, c => c.Reset(1, (Http2ErrorCode)0xFFFF_FFFF), Scope.None),

        // SETTINGS, PUSH_PROMISE, PING, GOAWAY.
        new("6.5", "an acknowledgement with content", Open, c => c.Send(FrameType.Settings, FrameHeader.Ack, 0, new byte[6]), Connection, FrameSizeError),
        new("6.5", "SETTINGS on a stream", Open, c => c.Send(FrameType.Settings, 0, 1, []), Connection, ProtocolError),
        new("6.5", "SETTINGS of five bytes", Open, c => c.Send(FrameType.Settings, 0, 0, new byte[5]), Connection, FrameSizeError),
        new("6.5.2", "ENABLE_PUSH of 2", Open, c => Settings(c, 2, 2), Connection, ProtocolError),
        new("6.5.2", "ENABLE_PUSH of 1", Open, c => Settings(c, 2, 1), Scope.None),
        new("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", Open, c => Settings(c, 4, 0x8000_0000), Connection, FlowControlError),
        new("6.5.2", "MAX_FRAME_SIZE of 16383", Open, c => Settings(c, 5, 16_383), Connection, ProtocolError),
        new("6.5.2", "MAX_FRAME_SIZE of 2^24", Open, c => Settings(c, 5, 0x100_0000), Connection, ProtocolError),
        new("6.5.2", "MAX_FRAME_SIZE of 2^24-1", Open, c => Settings(c, 5, 0xFF_FFFF), Scope.None),
        new("6.6", "PUSH_PROMISE of a client", Open, c => c.Send(FrameType.PushPromise, EndHeaders, 1, [0, 0, 0, 2, 0x82]), Connection, ProtocolError),
        new("6.7", "PING of seven bytes", Open, c => c.Send(FrameType.Ping, 0, 0, new byte[7]), Connection, FrameSizeError),
        new("6.7", "PING on a stream", Open, c => c.Send(FrameType.Ping, 0, 1, new byte[8]), Connection, ProtocolError),
        new("6.7", "an acknowledgement of no PING", Open, c => c.Send(FrameType.Ping, FrameHeader.Ack, 0, new byte[8]), Scope.None),
        new("6.8", "GOAWAY on a stream", Open, c => c.Send(FrameType.GoAway, 0, 1, new byte[8]), Connection, ProtocolError),
        new("6.8", "GOAWAY of seven bytes", Open, c => c.Send(FrameType.GoAway, 0, 0, new byte[7]), Connection, FrameSizeError),
        new("6.8", "GOAWAY with an unknown code", Open, c => c.Send(FrameType.GoAway, 0, 0, [0, 0, 0, 0, 0xFF, 0, 0, 0]), Scope.None),

        // WINDOW_UPDATE, CONTINUATION.
        new("6.9", "an increment of 0", Open, c => c.WindowUpdate(1, 0), Scope.Stream, ProtocolError),
        new("6.9", "an increment of 0 for the connection", Open, c => c.WindowUpdate(0, 0), Connection, ProtocolError),
        new("6.9", "WINDOW_UPDATE of three bytes", Open, c => c.Send(FrameType.WindowUpdate, 0, 1, new byte[3]), Connection, FrameSizeError),
        new("6.9.1", "a window past 2^31-1", Open, c => c.WindowUpdate(1, int.MaxValue), Scope.Stream, FlowControlError),
        new("6.9.1", "a connection's window past 2^31-1", Open, c => c.WindowUpdate(0, int.MaxValue), Connection, FlowControlError),
        new("6.9.1", "more DATA than the stream's window, nobody reads", Open, c => Data(c, 4 * FlowControl.StreamWindow), Scope.Stream, FlowControlError),
        new("6.9.2", "an initial window that makes another one larger than 2^31-1", Open, c => { c.WindowUpdate(1, 1_000_000); Settings(c, 4, int.MaxValue); }, Connection, FlowControlError),
        new("6.10", "CONTINUATION behind END_HEADERS", Open, c => c.Send(FrameType.Continuation, EndHeaders, 1, [0x82]), Connection, ProtocolError),
        new("6.10", "CONTINUATION on stream 0", Idle, c => { c.Send(FrameType.Headers, 0, 1, Block); c.Send(FrameType.Continuation, EndHeaders, 0, []); }, Connection, ProtocolError),
        new("6.10", "CONTINUATION of another stream", Idle, c => { c.Send(FrameType.Headers, 0, 1, Block); c.Send(FrameType.Continuation, EndHeaders, 3, []); }, Connection, ProtocolError),
        new("6.10", "DATA inside a block", Open, c => { c.Send(FrameType.Headers, End, 1, []); c.Send(FrameType.Data, 0, 1, [0]); }, Connection, ProtocolError),
        new("6.10", "a block in four frames", Idle, c =>
        {
            c.Send(FrameType.Headers, End, 1, Block.AsSpan(0, 1));
            c.Send(FrameType.Continuation, 0, 1, []);
            c.Send(FrameType.Continuation, 0, 1, Block.AsSpan(1, 40));
            c.Send(FrameType.Continuation, EndHeaders, 1, Block.AsSpan(41));
        }, Scope.None),
    ];

    internal static byte[] Number(uint value) => [(byte)(value >> 24), (byte)((value >> 16) & 0xFF), (byte)((value >> 8) & 0xFF), (byte)(value & 0xFF)];

    /// <summary>One setting.</summary>
    internal static void Settings(RawPeer peer, byte id, uint value) => peer.Send(FrameType.Settings, 0, 0, [0, id, .. Number(value)]);

    internal static byte[] Frame(FrameType type, int flags, int streamId, byte[] payload)
    {
        FrameWriter writer = new();
        writer.Frame(type, (byte)flags, streamId, payload);
        return writer.Written.ToArray();
    }

    /// <summary>So many bytes on stream 1, in frames that are not too large.</summary>
    internal static void Data(RawPeer peer, int length)
    {
        for (; length > 0; length -= Math.Min(length, FrameReader.MaxPayload))
        {
            peer.Send(FrameType.Data, 0, 1, new byte[Math.Min(length, FrameReader.MaxPayload)]);
        }
    }
}
