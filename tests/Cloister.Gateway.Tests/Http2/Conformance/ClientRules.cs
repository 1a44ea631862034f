using Cloister.Enclave.Wire.Http2;
using static Cloister.Enclave.Wire.Http2.Http2ErrorCode;
using static Cloister.Gateway.Tests.Http2.Conformance.Scope;
using static Cloister.Gateway.Tests.Http2.Conformance.State;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>What etcd's side may and may not send. Named after the sections of RFC 9113 and RFC 7541.</summary>
internal static class ClientRules
{
    private const int EndHeaders = FrameHeader.EndHeaders;

    internal static readonly Rule[] All =
    [
        new("4.1", "a frame of an unknown type", Open, e => e.Send((FrameType)0x42, 0xFF, 1, new byte[100]), Scope.None),
        new("4.2", "DATA of 16385 bytes", Open, e => e.Raw(ServerRules.Frame(FrameType.Data, 0, 1, new byte[16_385])), Connection, FrameSizeError),
        new("4.3", "a block that is not HPACK", HalfClosedRemote, e => e.Send(FrameType.Headers, EndHeaders, 1, [0x80]), Connection, CompressionError),
        new("4.3", "DATA inside a block", Open, e => { e.Send(FrameType.Headers, 0, 1, []); e.Send(FrameType.Data, 0, 1, [0]); }, Connection, ProtocolError),
        new("5.1", "DATA on a stream that was never opened", Idle, e => e.Send(FrameType.Data, 0, 1, [0]), Connection, ProtocolError),
        new("5.1", "HEADERS on a stream that was never opened", Idle, e => e.Headers(1, false, Call.Begun), Connection, ProtocolError),
        new("5.1", "RST_STREAM on a stream that was never opened", Idle, e => e.Reset(1, Cancel), Connection, ProtocolError),
        new("5.1", "WINDOW_UPDATE on a stream that was never opened", Idle, e => e.WindowUpdate(1, 1), Connection, ProtocolError),
        new("5.1", "DATA", HalfClosed, e => e.Send(FrameType.Data, 0, 1, [0]), Scope.Stream, StreamClosed),
        new("5.1", "HEADERS", HalfClosed, e => e.Headers(1, true, ("a", "b")), Scope.Stream, StreamClosed),
        new("5.1", "WINDOW_UPDATE", HalfClosed, e => e.WindowUpdate(1, 1), Scope.None),
        new("5.1", "RST_STREAM", HalfClosed, e => e.Reset(1, NoError), Scope.None),
        new("5.1", "DATA", Closed, e => e.Send(FrameType.Data, 0, 1, [0]), Connection, StreamClosed),
        new("5.1", "HEADERS", Closed, e => e.Headers(1, true, ("a", "b")), Connection, StreamClosed),
        new("5.1", "WINDOW_UPDATE", Closed, e => e.WindowUpdate(1, 1), Scope.None),
        new("5.1", "RST_STREAM", Closed, e => e.Reset(1, NoError), Scope.None),
        new("5.1", "DATA", ResetBySender, e => e.Send(FrameType.Data, 0, 1, [0]), Scope.Stream, StreamClosed),
        new("5.1", "HEADERS", ResetBySender, e => e.Headers(1, true, ("a", "b")), Scope.Stream, StreamClosed),
        new("5.1", "DATA", ResetByGateway, e => { e.Headers(1, false, Call.Begun); e.Send(FrameType.Data, FrameHeader.EndStream, 1, new byte[1000]); }, Scope.None),
        new("5.1.1", "HEADERS on a server's stream", Open, e => e.Headers(2, false, Call.Begun), Connection, ProtocolError),
        new("5.1.1", "HEADERS on a stream above all", Open, e => e.Headers(3, false, Call.Begun), Connection, ProtocolError),
        new("6.1", "padding as long as the frame", Open, e => e.Send(FrameType.Data, FrameHeader.Padded, 1, [2, 0]), Connection, ProtocolError),
        new("6.3", "PRIORITY of four bytes", Open, e => e.Send(FrameType.Priority, 0, 1, new byte[4]), Scope.Stream, FrameSizeError),
        new("6.4", "RST_STREAM of three bytes", Open, e => e.Send(FrameType.RstStream, 0, 1, new byte[3]), Connection, FrameSizeError),
        new("6.5.2", "ENABLE_PUSH of 1", Open, e => ServerRules.Settings(e, 2, 1), Connection, ProtocolError),
        new("6.5.2", "ENABLE_PUSH of 0", Open, e => ServerRules.Settings(e, 2, 0), Scope.None),
        new("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", Open, e => ServerRules.Settings(e, 4, 0x8000_0000), Connection, FlowControlError),
        new("6.6", "PUSH_PROMISE, which was turned off", Open, e => e.Send(FrameType.PushPromise, EndHeaders, 1, [0, 0, 0, 2, 0x82]), Connection, ProtocolError),
        new("6.7", "PING of seven bytes", Open, e => e.Send(FrameType.Ping, 0, 0, new byte[7]), Connection, FrameSizeError),
        new("6.8", "GOAWAY of seven bytes", Open, e => e.Send(FrameType.GoAway, 0, 0, new byte[7]), Connection, FrameSizeError),
        new("6.9", "an increment of 0", Open, e => e.WindowUpdate(1, 0), Scope.Stream, ProtocolError),
        new("6.9", "an increment of 0 for the connection", Open, e => e.WindowUpdate(0, 0), Connection, ProtocolError),
        new("6.9.1", "a window past 2^31-1", Open, e => e.WindowUpdate(1, int.MaxValue), Scope.Stream, FlowControlError),
        new("6.9.1", "a connection's window past 2^31-1", Open, e => e.WindowUpdate(0, int.MaxValue), Connection, FlowControlError),
        new("6.9.1", "more DATA than the stream's window, nobody reads", Open, e => ServerRules.Data(e, 4 * FlowControl.StreamWindow), Scope.Stream, FlowControlError),
        new("6.10", "CONTINUATION of nothing", Open, e => e.Send(FrameType.Continuation, EndHeaders, 1, [0x82]), Connection, ProtocolError),
        new("8.1", "DATA before HEADERS", HalfClosedRemote, e => e.Send(FrameType.Data, 0, 1, [0]), Scope.Stream, ProtocolError),
        new("8.1", "HEADERS again without END_STREAM", Open, e => e.Headers(1, false, ("a", "b")), Scope.Stream, ProtocolError),
        new("8.1", "trailers with a pseudo-header", Open, e => e.Headers(1, true, (":status", "200")), Scope.Stream, ProtocolError),
        new("8.1", "an interim response", HalfClosedRemote, e => e.Headers(1, false, (":status", "103")), Scope.None),
        new("8.1", "an interim response that ends the stream", HalfClosedRemote, e => e.Headers(1, true, (":status", "103")), Scope.Stream, ProtocolError),
        new("8.1.1", "DATA longer than content-length", HalfClosedRemote, e =>
        {
            e.Headers(1, false, [.. Call.Begun, ("content-length", "3")]);
            e.Send(FrameType.Data, 0, 1, new byte[4]);
        }, Scope.Stream, ProtocolError),
        new("8.1.1", "trailers before content-length is reached", HalfClosedRemote, e =>
        {
            e.Headers(1, false, [.. Call.Begun, ("content-length", "3")]);
            e.Headers(1, true, ("grpc-status", "0"));
        }, Scope.Stream, ProtocolError),
        new("8.2.1", "a capital letter", HalfClosedRemote, e => e.Headers(1, false, [.. Call.Begun, ("Upper", "x")]), Scope.Stream, ProtocolError),
        new("8.2.2", "connection", HalfClosedRemote, e => e.Headers(1, false, [.. Call.Begun, ("connection", "close")]), Scope.Stream, ProtocolError),
        new("8.3.2", "no :status", HalfClosedRemote, e => e.Headers(1, false, ("content-type", "application/grpc")), Scope.Stream, ProtocolError),
        new("8.3.2", ":status twice", HalfClosedRemote, e => e.Headers(1, false, [(":status", "200"), .. Call.Begun]), Scope.Stream, ProtocolError),
        new("8.3.2", ":status of two digits", HalfClosedRemote, e => e.Headers(1, false, (":status", "20")), Scope.Stream, ProtocolError),
        new("8.3.2", "a pseudo-header of requests", HalfClosedRemote, e => e.Headers(1, false, [(":path", "/"), .. Call.Begun]), Scope.Stream, ProtocolError),
        new("8.6", "status 101", HalfClosedRemote, e => e.Headers(1, false, (":status", "101")), Scope.Stream, ProtocolError),
        new("HPACK 2.3.3", "an index behind the table", Open, e => e.Send(FrameType.Headers, EndHeaders, 1, [0xbe]), Connection, CompressionError),
        new("HPACK 4.2", "a size larger than the table's limit", Open, e => e.Send(FrameType.Headers, EndHeaders, 1, [0x3f, 0xe2, 0x1f]), Connection, CompressionError),
    ];
}
