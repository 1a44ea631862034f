using System.Buffers.Binary;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>The nine bytes in front of a frame. Source: RFC 9113, section 4.1. secrets: none.</summary>
/// <param name="Length">Bytes of the payload.</param>
/// <param name="Type">Kind; may be one that is not known here.</param>
/// <param name="Flags">Flags.</param>
/// <param name="StreamId">Stream, 0 for the connection.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, byte Flags, int StreamId)
{
    internal const int Size = 9;
    internal const byte EndStream = 0x1;
    internal const byte Ack = 0x1;
    internal const byte EndHeaders = 0x4;
    internal const byte Padded = 0x8;
    internal const byte Priority = 0x20;

    internal bool Has(byte flag) => (Flags & flag) != 0;

    internal static FrameHeader Read(ReadOnlySpan<byte> bytes) => new(
        (bytes[0] << 16) | (bytes[1] << 8) | bytes[2],
        (FrameType)bytes[3],
        bytes[4],
        (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) & int.MaxValue));

    internal void Write(Span<byte> bytes)
    {
        bytes[0] = (byte)(Length >> 16);
        bytes[1] = (byte)((Length >> 8) & 0xFF);
        bytes[2] = (byte)(Length & 0xFF);
        bytes[3] = (byte)Type;
        bytes[4] = Flags;
        BinaryPrimitives.WriteInt32BigEndian(bytes[5..], StreamId);
    }
}
