using System.Buffers.Binary;
using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Reads one side of a session, frame by frame, on a thread of its own: order and form of frames, and those of the connection. Everything
/// that is here is handled before anything is sent, so that what came together leaves together. What breaks a rule ends the connection,
/// unless a stream is enough. Source: RFC 9113, sections 4 to 6. secrets: DATA passes through.
/// </summary>
internal abstract class FramePump
{
    private readonly FrameReader _reader;
    private readonly HeaderBlock _block = new();
    private readonly HpackDecoder _hpack = new();
    private bool _begun;
    private long _lastRead = Environment.TickCount64;
    private long _partSince;

    private protected FramePump(ProxySession session, FrameReader reader)
    {
        Session = session;
        _reader = reader;
    }

    private protected ProxySession Session { get; }

    private protected abstract Link From { get; }

    private protected abstract Link To { get; }

    /// <summary>When the peer last sent anything, in the machine's milliseconds.</summary>
    internal long LastRead => Volatile.Read(ref _lastRead);

    /// <summary>Since when a part of a frame or of a block of headers waits for its rest; 0 when none does, or something else is waited for.</summary>
    internal long PartSince => Volatile.Read(ref _partSince);

    /// <summary>Reads until the peer closes.</summary>
    /// <exception cref="Http2Exception">The peer broke the protocol.</exception>
    /// <exception cref="IOException">A peer does not read.</exception>
    internal void Run()
    {
        long part = 0;
        do
        {
            Volatile.Write(ref _partSince, 0);
            bool whole = false;
            while (_reader.TryNext(out FrameHeader header, out ReadOnlySpan<byte> payload))
            {
                Handle(header, payload);
                whole = true;
                if (Session.IsCongested)
                {
                    // Nothing more is read until what waits already has left.
                    Session.AwaitRoom();
                }
            }

            Session.Flush();
            bool open = _block.OpenStream != 0;
            part = !open && !_reader.HasPart ? 0 : part == 0 || (whole && !open) ? Environment.TickCount64 : part;
            Volatile.Write(ref _partSince, part);
        }
        while (Fill());
    }

    private bool Fill()
    {
        bool more = _reader.Fill();
        Volatile.Write(ref _lastRead, Environment.TickCount64);
        return more;
    }

    /// <summary>DATA, its form unchecked. Outside the gate, as the next four.</summary>
    private protected abstract void OnData(FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A whole header block.</summary>
    private protected abstract void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream);

    /// <summary>WINDOW_UPDATE of a stream.</summary>
    private protected abstract void OnWindowUpdate(int streamId, int increment);

    private protected abstract void OnRstStream(int streamId, Http2ErrorCode code);

    /// <summary>A frame of that length should not be on that stream.</summary>
    private protected abstract void OnWrongSize(int streamId, string message);

    /// <summary>The peer changed its window for streams by so much. Within the gate, as what follows.</summary>
    private protected abstract void OnWindowChange(long difference);

    private protected abstract void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload);

    private protected abstract void OnPing(bool ack, ReadOnlySpan<byte> payload);

    /// <summary>Counts a frame that costs its sender nothing.</summary>
    private protected abstract void CountIdleWork();

    private void Handle(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_begun && (header.Type != FrameType.Settings || header.Has(FrameHeader.Ack)))
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "a connection begins with SETTINGS");
        }

        _begun = true;
        if (_block.OpenStream != 0 && header.Type != FrameType.Continuation)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "a frame stands inside a header block");
        }

        switch (header.Type)
        {
            case FrameType.Data:
                OnData(header, payload);
                break;
            case FrameType.Headers when header.StreamId != 0:
                OnBlock(_block.Begin(header, payload), header.StreamId);
                break;
            case FrameType.Continuation:
                OnBlock(_block.Continue(header, payload), header.StreamId);
                break;
            case FrameType.WindowUpdate:
                OnWindowUpdate(header, FlowControl.ReadIncrement(payload));
                break;
            case FrameType.RstStream:
                CountIdleWork();
                Require(payload.Length == 4, Http2ErrorCode.FrameSizeError, "RST_STREAM does not have four bytes");
                OnRstStream(header.StreamId, (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload));
                break;
            case FrameType.Settings or FrameType.Ping or FrameType.GoAway when header.StreamId == 0:
                OnConnection(header, payload);
                break;
            case FrameType.Priority when header.StreamId != 0:
                // Means nothing, on any stream. Source: RFC 9113, section 5.3.
                CountIdleWork();
                if (payload.Length != 5)
                {
                    OnWrongSize(header.StreamId, "PRIORITY does not have five bytes");
                }

                break;
            case <= FrameType.Continuation:
                throw new Http2Exception(Http2ErrorCode.ProtocolError, $"{header.Type} is not allowed there");
            default:
                // Unknown frames mean nothing. Source: RFC 9113, section 5.5.
                CountIdleWork();
                break;
        }
    }

    private void OnWindowUpdate(FrameHeader header, int increment)
    {
        if (header.StreamId != 0)
        {
            OnWindowUpdate(header.StreamId, increment);
            return;
        }

        lock (Session.Gate)
        {
            From.Granted(increment);
        }
    }

    private void OnBlock(bool complete, int streamId)
    {
        if (complete)
        {
            // Also when nothing comes of it: the table has to stay in step.
            OnHeaders(streamId, _hpack.Decode(_block.Bytes), _block.EndsStream);
        }
    }

    private void OnConnection(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Settings:
                CountIdleWork();
                OnSettings(header, payload);
                break;
            case FrameType.Ping:
                CountIdleWork();
                Require(payload.Length == 8, Http2ErrorCode.FrameSizeError, "PING does not have eight bytes");
                lock (Session.Gate)
                {
                    OnPing(header.Has(FrameHeader.Ack), payload);
                }

                break;
            default:
                Require(payload.Length >= 8, Http2ErrorCode.FrameSizeError, "GOAWAY is too short");
                lock (Session.Gate)
                {
                    OnGoAway((int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue), payload);
                }

                break;
        }
    }

    private void OnSettings(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Has(FrameHeader.Ack))
        {
            Require(payload.IsEmpty, Http2ErrorCode.FrameSizeError, "an acknowledgement of SETTINGS has content");
            return;
        }

        lock (Session.Gate)
        {
            int before = From.Settings.InitialWindow;
            From.Apply(payload);
            OnWindowChange((long)From.Settings.InitialWindow - before);
            From.Output.Frame(FrameType.Settings, FrameHeader.Ack, 0, default);
        }
    }

    private protected static void Require(bool holds, Http2ErrorCode code, string message)
    {
        if (!holds)
        {
            throw new Http2Exception(code, message);
        }
    }
}
