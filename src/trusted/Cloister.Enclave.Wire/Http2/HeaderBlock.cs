using System.Buffers;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Puts a header block together from HEADERS and CONTINUATION, with nothing in between. Source: RFC 9113, sections 4.3, 6.2 and 6.10.
/// Not thread-safe. secrets: none.
/// </summary>
internal sealed class HeaderBlock
{
    private const int PrioritySize = 5;

    // Compressed; a block of literals is not much larger than its list may be.
    internal const int MaxSize = 2 * HpackDecoder.MaxListSize;
    internal const int MaxContinuations = 8;

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private int _continuations;

    /// <summary>The stream whose block has to go on, or 0.</summary>
    internal int OpenStream { get; private set; }

    /// <summary>The block ends the message of its direction.</summary>
    internal bool EndsStream { get; private set; }

    /// <summary>Takes a HEADERS frame; true when the block is complete.</summary>
    internal bool Begin(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        int fields = (header.Has(FrameHeader.Padded) ? 1 : 0) + (header.Has(FrameHeader.Priority) ? PrioritySize : 0);
        if (payload.Length < fields)
        {
            throw new Http2Exception(PeerFault.ShortHeaders);
        }

        // Padding comes out of the block, never out of the priority in front of it.
        int padding = header.Has(FrameHeader.Padded) ? payload[0] : 0;
        payload = payload.Length - fields >= padding
            ? payload[fields..^padding]
            : throw new Http2Exception(PeerFault.HeadersPadding);
        EndsStream = header.Has(FrameHeader.EndStream);
        _continuations = 0;
        _bytes.ResetWrittenCount();
        return Take(header, payload);
    }

    /// <summary>Takes a CONTINUATION frame; true when the block is complete.</summary>
    internal bool Continue(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (OpenStream == 0 || header.StreamId != OpenStream)
        {
            throw new Http2Exception(PeerFault.StrayContinuation);
        }

        if (++_continuations > MaxContinuations)
        {
            throw new Http2Exception(PeerFault.TooManyContinuations);
        }

        return Take(header, payload);
    }

    internal ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>The content of a frame that can be padded.</summary>
    internal static ReadOnlySpan<byte> Unpadded(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!header.Has(FrameHeader.Padded))
        {
            return payload;
        }

        if (payload.IsEmpty)
        {
            throw new Http2Exception(PeerFault.NoPaddingLength);
        }

        int padding = payload[0];
        return padding < payload.Length
            ? payload[1..^padding]
            : throw new Http2Exception(PeerFault.PaddingTooLong);
    }

    private bool Take(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_bytes.WrittenCount + payload.Length > MaxSize)
        {
            throw new Http2Exception(PeerFault.HeaderBlockTooLarge);
        }

        _bytes.Write(payload);
        bool complete = header.Has(FrameHeader.EndHeaders);
        OpenStream = complete ? 0 : header.StreamId;
        return complete;
    }
}
