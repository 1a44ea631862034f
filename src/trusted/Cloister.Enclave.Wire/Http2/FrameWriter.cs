using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>Frames that wait to be sent, in one piece of memory. Not thread-safe. secrets: DATA payloads, until <see cref="Clear"/>.</summary>
internal sealed class FrameWriter
{
    private const int SmallSize = 32 * 1024;
    private const int MaxDebugText = 256;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(SmallSize, pinned: true);
    private int _length;

    internal int Length => _length;

    internal ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    internal void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>One frame.</summary>
    internal void Frame(FrameType type, byte flags, int streamId, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = Take(FrameHeader.Size + payload.Length);
        new FrameHeader(payload.Length, type, flags, streamId).Write(frame);
        payload.CopyTo(frame[FrameHeader.Size..]);
    }

    internal void WindowUpdate(int streamId, int increment) => Number(FrameType.WindowUpdate, streamId, (uint)increment);

    internal void RstStream(int streamId, Http2ErrorCode code) => Number(FrameType.RstStream, streamId, (uint)code);

    internal void GoAway(int lastStreamId, Http2ErrorCode code, string text)
    {
        byte[] debug = Encoding.ASCII.GetBytes(text.Length <= MaxDebugText ? text : text[..MaxDebugText]);
        byte[] payload = new byte[8 + debug.Length];
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(4), (uint)code);
        debug.CopyTo(payload.AsSpan(8));
        Frame(FrameType.GoAway, 0, 0, payload);
    }

    /// <summary>Wipes what was sent, and gives large memory back.</summary>
    internal void Clear()
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
        _length = 0;
        if (_bytes.Length > 4 * SmallSize)
        {
            _bytes = GC.AllocateUninitializedArray<byte>(SmallSize, pinned: true);
        }
    }

    private void Number(FrameType type, int streamId, uint value)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, value);
        Frame(type, 0, streamId, payload);
    }

    private Span<byte> Take(int count)
    {
        if (_bytes.Length - _length < count)
        {
            byte[] larger = GC.AllocateUninitializedArray<byte>(checked(Math.Max(2 * _bytes.Length, _length + count)), pinned: true);
            Written.CopyTo(larger);
            CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
            _bytes = larger;
        }

        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
