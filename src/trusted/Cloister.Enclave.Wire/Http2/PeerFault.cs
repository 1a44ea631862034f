namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// What a peer did that HTTP/2 forbids, or that is not borne here. Its text goes to the peer and the log, and holds none of the peer's bytes.
/// Source: RFC 9113, section 7, where no other section is named. secrets: none.
/// </summary>
/// <param name="Code">What the peer is told.</param>
/// <param name="Text">The same for people.</param>
internal sealed record PeerFault(Http2ErrorCode Code, string Text)
{
    // Frames, section 4 and 6.
    internal static readonly PeerFault NoSettingsFirst = new(Http2ErrorCode.ProtocolError, "a connection begins with SETTINGS");
    internal static readonly PeerFault FrameTooLarge = new(Http2ErrorCode.FrameSizeError, $"a frame has more than {FrameReader.MaxPayload} bytes");
    internal static readonly PeerFault FrameNotAllowed = new(Http2ErrorCode.ProtocolError, "a frame is on a stream, or without one, where its type is not allowed");
    internal static readonly PeerFault FrameInHeaderBlock = new(Http2ErrorCode.ProtocolError, "a frame stands inside a header block");
    internal static readonly PeerFault NoPaddingLength = new(Http2ErrorCode.FrameSizeError, "a padded frame has no length of its padding");
    internal static readonly PeerFault PaddingTooLong = new(Http2ErrorCode.ProtocolError, "a frame's padding is as long as the frame");
    internal static readonly PeerFault ShortHeaders = new(Http2ErrorCode.FrameSizeError, "HEADERS is shorter than its fields");
    internal static readonly PeerFault HeadersPadding = new(Http2ErrorCode.ProtocolError, "the padding of HEADERS is longer than the block");
    internal static readonly PeerFault PrioritySize = new(Http2ErrorCode.FrameSizeError, "PRIORITY does not have five bytes");
    internal static readonly PeerFault RstStreamSize = new(Http2ErrorCode.FrameSizeError, "RST_STREAM does not have four bytes");
    internal static readonly PeerFault SettingsSize = new(Http2ErrorCode.FrameSizeError, "SETTINGS is not a list of settings");
    internal static readonly PeerFault SettingsAckSize = new(Http2ErrorCode.FrameSizeError, "an acknowledgement of SETTINGS has content");
    internal static readonly PeerFault EnablePush = new(Http2ErrorCode.ProtocolError, "ENABLE_PUSH is 0, or 1 from a client");
    internal static readonly PeerFault InitialWindowSize = new(Http2ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE is larger than 2^31-1");
    internal static readonly PeerFault MaxFrameSize = new(Http2ErrorCode.ProtocolError, "MAX_FRAME_SIZE is not from 16384 to 16777215");
    internal static readonly PeerFault PingSize = new(Http2ErrorCode.FrameSizeError, "PING does not have eight bytes");
    internal static readonly PeerFault GoAwaySize = new(Http2ErrorCode.FrameSizeError, "GOAWAY is too short");
    internal static readonly PeerFault WindowUpdateSize = new(Http2ErrorCode.FrameSizeError, "WINDOW_UPDATE does not have four bytes");
    internal static readonly PeerFault StrayContinuation = new(Http2ErrorCode.ProtocolError, "CONTINUATION without a block to continue");

    // Streams, section 5.1.
    internal static readonly PeerFault EvenStreamNumber = new(Http2ErrorCode.ProtocolError, "a client's streams have odd numbers");
    internal static readonly PeerFault StreamNumberWentBack = new(Http2ErrorCode.ProtocolError, "a stream's number is smaller than that of one before");
    internal static readonly PeerFault StreamNotOpen = new(Http2ErrorCode.ProtocolError, "a frame for a stream that is not open");
    internal static readonly PeerFault FrameAfterEnd = new(Http2ErrorCode.StreamClosed, "a frame after the end of its stream");
    internal static readonly PeerFault FrameAfterReset = new(Http2ErrorCode.StreamClosed, "a frame after the reset of its stream");
    internal static readonly PeerFault DataAfterEnd = new(Http2ErrorCode.StreamClosed, "DATA after the end of its stream");
    internal static readonly PeerFault HeadersAfterEnd = new(Http2ErrorCode.StreamClosed, "HEADERS after the end of their stream");
    internal static readonly PeerFault TooManyCalls = new(Http2ErrorCode.RefusedStream, "too many calls");

    // Windows, sections 5.2 and 6.9.
    internal static readonly PeerFault EmptyWindowUpdate = new(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE of zero");
    internal static readonly PeerFault WindowTooLarge = new(Http2ErrorCode.FlowControlError, "WINDOW_UPDATE past the largest window");
    internal static readonly PeerFault WindowsTooLarge = new(Http2ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE makes a window too large");
    internal static readonly PeerFault StreamWindowExceeded = new(Http2ErrorCode.FlowControlError, "more DATA than the stream's window");
    internal static readonly PeerFault ConnectionWindowExceeded = new(Http2ErrorCode.FlowControlError, "more DATA than the connection's window");

    // Messages, section 8, and header blocks, RFC 7541.
    internal static readonly PeerFault MalformedRequest = new(Http2ErrorCode.ProtocolError, "the headers of a request are malformed");
    internal static readonly PeerFault MalformedResponse = new(Http2ErrorCode.ProtocolError, "the headers of a response are malformed, or come too early");
    internal static readonly PeerFault MalformedTrailers = new(Http2ErrorCode.ProtocolError, "second HEADERS of a stream are not its trailers, or come too early");
    internal static readonly PeerFault DataBeforeHeaders = new(Http2ErrorCode.ProtocolError, "DATA before the headers");
    internal static readonly PeerFault WrongContentLength = new(Http2ErrorCode.ProtocolError, "DATA has not the length that content-length says");
    internal static readonly PeerFault MalformedHeaderBlock = new(Http2ErrorCode.CompressionError, "a header block is not well-formed");
    internal static readonly PeerFault HeaderListTooLarge = new(Http2ErrorCode.EnhanceYourCalm, $"the headers of a message have more than {HpackDecoder.MaxListSize} bytes");
    internal static readonly PeerFault HeaderBlockTooLarge = new(Http2ErrorCode.EnhanceYourCalm, $"a header block has more than {HeaderBlock.MaxSize} bytes");
    internal static readonly PeerFault TooManyContinuations = new(Http2ErrorCode.EnhanceYourCalm, $"a header block has more than {HeaderBlock.MaxContinuations} CONTINUATION frames");

    // What nothing forbids and nobody has to bear.
    internal static readonly PeerFault Flood = new(Http2ErrorCode.EnhanceYourCalm, $"more than {FloodGuard.PerSecond} resets, pings, settings and empty frames within a second");
    internal static readonly PeerFault SlowFrame = new(Http2ErrorCode.EnhanceYourCalm, "a frame or a block of headers was begun and does not go on");
}
