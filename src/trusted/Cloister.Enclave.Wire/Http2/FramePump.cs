using System.Buffers.Binary;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Reads one side of a session, frame by frame, on a thread of its own: order and form of frames, and those of the connection. Everything
/// that is here is handled before anything is sent, so that what came together leaves together. What breaks a rule ends the connection,
/// unless a stream is enough. Source: RFC 9113, sections 4 to 6. secrets: DATA passes through.
/// </summary>
internal sealed class FramePump
{
    private const int CongestedMilliseconds = 20_000;

    private readonly IFrameSession _session;
    private readonly IFrameHandler _handler;
    private readonly FrameReader _reader;
    private readonly HeaderBlock _block = new();
    private readonly HpackDecoder _hpack = new();
    private bool _begun;
    private long _lastRead = Environment.TickCount64;
    private long _partSince;

    /// <param name="session">What is shared.</param>
    /// <param name="reader">What the peer sends.</param>
    /// <param name="handler">What is done with it.</param>
    internal FramePump(IFrameSession session, FrameReader reader, IFrameHandler handler)
    {
        _session = session;
        _reader = reader;
        _handler = handler;
    }

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
                if (_session.IsCongested)
                {
                    // Nothing more is read until what waits already has left.
                    AwaitRoom();
                }
            }

            _session.Flush();
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

    // Waits until a peer has taken what waits for it.
    private void AwaitRoom()
    {
        for (long end = Environment.TickCount64 + CongestedMilliseconds; ;)
        {
            _session.Flush();
            if (!_session.IsCongested)
            {
                return;
            }

            // Another thread is sending, and the peer does not read.
            if (Environment.TickCount64 > end)
            {
                throw new IOException("a peer does not read");
            }

            Thread.Sleep(1);
        }
    }

    private void Handle(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_begun && (header.Type != FrameType.Settings || header.Has(FrameHeader.Ack)))
        {
            throw new Http2Exception(PeerFault.NoSettingsFirst);
        }

        _begun = true;
        if (_block.OpenStream != 0 && header.Type != FrameType.Continuation)
        {
            throw new Http2Exception(PeerFault.FrameInHeaderBlock);
        }

        switch (header.Type)
        {
            case FrameType.Data:
                _handler.OnData(header, payload);
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
                _handler.CountIdleWork();
                Require(payload.Length == 4, PeerFault.RstStreamSize);
                _handler.OnRstStream(header.StreamId, (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload));
                break;
            case FrameType.Settings or FrameType.Ping or FrameType.GoAway when header.StreamId == 0:
                OnConnection(header, payload);
                break;
            case FrameType.Priority when header.StreamId != 0:
                // Means nothing, on any stream. Source: RFC 9113, section 5.3.
                _handler.CountIdleWork();
                if (payload.Length != 5)
                {
                    _handler.OnWrongSize(header.StreamId, PeerFault.PrioritySize);
                }

                break;
            case <= FrameType.Continuation:
                throw new Http2Exception(PeerFault.FrameNotAllowed);
            default:
                // Unknown frames mean nothing. Source: RFC 9113, section 5.5.
                _handler.CountIdleWork();
                break;
        }
    }

    private void OnWindowUpdate(FrameHeader header, int increment)
    {
        if (header.StreamId != 0)
        {
            _handler.OnWindowUpdate(header.StreamId, increment);
            return;
        }

        lock (_session.Gate)
        {
            _handler.From.Granted(increment);
        }
    }

    private void OnBlock(bool complete, int streamId)
    {
        if (complete)
        {
            // Also when nothing comes of it: the table has to stay in step.
            _handler.OnHeaders(streamId, _hpack.Decode(_block.Bytes), _block.EndsStream);
        }
    }

    private void OnConnection(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Settings:
                _handler.CountIdleWork();
                OnSettings(header, payload);
                break;
            case FrameType.Ping:
                _handler.CountIdleWork();
                Require(payload.Length == 8, PeerFault.PingSize);
                lock (_session.Gate)
                {
                    _handler.OnPing(header.Has(FrameHeader.Ack), payload);
                }

                break;
            default:
                Require(payload.Length >= 8, PeerFault.GoAwaySize);
                lock (_session.Gate)
                {
                    _handler.OnGoAway((int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue), payload);
                }

                break;
        }
    }

    private void OnSettings(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Has(FrameHeader.Ack))
        {
            Require(payload.IsEmpty, PeerFault.SettingsAckSize);
            return;
        }

        lock (_session.Gate)
        {
            int before = _handler.From.Settings.InitialWindow;
            _handler.From.Apply(payload);
            _handler.OnWindowChange((long)_handler.From.Settings.InitialWindow - before);
            _handler.From.Output.Frame(FrameType.Settings, FrameHeader.Ack, 0, default);
        }
    }

    private static void Require(bool holds, PeerFault fault)
    {
        if (!holds)
        {
            throw new Http2Exception(fault);
        }
    }
}
