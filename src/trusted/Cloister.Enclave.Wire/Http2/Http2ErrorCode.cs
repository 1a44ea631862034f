namespace Cloister.Enclave.Wire.Http2;

/// <summary>Why a stream or connection ends; peers may send others, which pass as they are. Source: RFC 9113, section 7. secrets: none.</summary>
internal enum Http2ErrorCode : uint
{
    NoError = 0x0,
    ProtocolError = 0x1,
    InternalError = 0x2,
    FlowControlError = 0x3,
    StreamClosed = 0x5,
    FrameSizeError = 0x6,
    RefusedStream = 0x7,
    Cancel = 0x8,
    CompressionError = 0x9,
    EnhanceYourCalm = 0xb,
}
