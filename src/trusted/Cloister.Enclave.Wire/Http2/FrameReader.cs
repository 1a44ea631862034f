using System.Security.Cryptography;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Cuts what a peer sends into frames. One thread reads. secrets: what is being read, wiped before more is read and at the end.
/// </summary>
internal sealed class FrameReader : IDisposable
{
    /// <summary>Bytes of the largest payload that is accepted: the protocol's least, which needs no announcement.</summary>
    internal const int MaxPayload = 16_384;

    private readonly Stream _stream;
    private readonly byte[] _buffer;
    private int _start;
    private int _end;

    /// <param name="stream">What the peer sends.</param>
    /// <param name="frames">How many of the largest frames fit in at once.</param>
    internal FrameReader(Stream stream, int frames = 4)
    {
        _stream = stream;
        _buffer = GC.AllocateArray<byte>(frames * (MaxPayload + FrameHeader.Size), pinned: true);
    }

    /// <summary>What a client of HTTP/2 begins with. Source: RFC 9113, section 3.4.</summary>
    internal static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Waits for more bytes; false at the end of the stream.</summary>
    internal bool Fill()
    {
        int left = _end - _start;
        if (_start > 0)
        {
            _buffer.AsSpan(_start, left).CopyTo(_buffer);
            CryptographicOperations.ZeroMemory(_buffer.AsSpan(left, _end - left));
            (_start, _end) = (0, left);
        }

        int read = _stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }

    /// <summary>Something is here that is not a whole frame yet.</summary>
    internal bool HasPart => _end > _start;

    /// <summary>Waits until so many bytes are here; false when the stream ends before.</summary>
    internal bool Await(int bytes)
    {
        while (_end - _start < bytes)
        {
            if (!Fill())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The next frame, when all of it is here; the payload is valid until <see cref="Fill"/>.</summary>
    /// <exception cref="Http2Exception">It is larger than was announced.</exception>
    internal bool TryNext(out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        if (!TryPeek(out header, out payload))
        {
            return false;
        }

        _start += FrameHeader.Size + payload.Length;
        return true;
    }

    /// <summary>As <see cref="TryNext"/>, and leaves the frame.</summary>
    internal bool TryPeek(out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        ReadOnlySpan<byte> here = _buffer.AsSpan(_start, _end - _start);
        if (here.Length < FrameHeader.Size)
        {
            return false;
        }

        header = FrameHeader.Read(here);
        if (header.Length > MaxPayload)
        {
            throw new Http2Exception(PeerFault.FrameTooLarge);
        }

        if (here.Length < FrameHeader.Size + header.Length)
        {
            return false;
        }

        payload = here.Slice(FrameHeader.Size, header.Length);
        return true;
    }

    /// <summary>Takes the bytes that a connection has to begin with.</summary>
    /// <returns>False when there are others, or the stream ends.</returns>
    internal bool TakePreface(ReadOnlySpan<byte> preface)
    {
        while (_end - _start < preface.Length)
        {
            // Other protocols are refused at their first byte, not when they have sent as many.
            if (!preface.StartsWith(_buffer.AsSpan(_start, _end - _start)) || !Fill())
            {
                return false;
            }
        }

        bool same = _buffer.AsSpan(_start, preface.Length).SequenceEqual(preface);
        _start += preface.Length;
        return same;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);
}
