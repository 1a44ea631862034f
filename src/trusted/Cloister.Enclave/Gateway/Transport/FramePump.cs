using System.Buffers.Binary;
using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Reads one side of a session, frame by frame, on a thread of its own: what both sides have in common. Everything that is here is handled
/// before anything is sent, so that what came together leaves together. secrets: DATA passes through.
/// </summary>
internal abstract class FramePump
{
    private readonly FrameReader _reader;
    private readonly MessageRewriter _rewriter;
    private readonly HeaderBlock _block = new();
    private readonly HpackDecoder _hpack = new();
    private bool _begun;

    private protected FramePump(ProxySession session, FrameReader reader, MessageRewriter rewriter)
    {
        Session = session;
        _reader = reader;
        _rewriter = rewriter;
    }

    private protected ProxySession Session { get; }

    private protected abstract Link From { get; }

    private protected abstract Link To { get; }

    /// <summary>Reads until the peer closes.</summary>
    /// <exception cref="Http2Exception">The peer broke the protocol.</exception>
    internal void Run()
    {
        do
        {
            while (_reader.TryNext(out FrameHeader header, out ReadOnlySpan<byte> payload))
            {
                Handle(header, payload);
            }

            Session.Flush();
        }
        while (_reader.Fill());
    }

    private protected abstract StreamLeg LegFrom(ProxyStream stream);

    private protected abstract StreamLeg LegTo(ProxyStream stream);

    private protected abstract void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream);

    private protected abstract void OnReset(ProxyStream stream, Http2ErrorCode code);

    private protected abstract void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload);

    private protected abstract void OnPing(bool ack, ReadOnlySpan<byte> payload);

    /// <summary>Counts a frame that costs its sender nothing.</summary>
    private protected abstract void CountIdleWork();

    /// <summary>The source has nothing more to send; what is not a whole message is dropped.</summary>
    private protected void EndOfSource(StreamLeg leg)
    {
        leg.SourceEnded = true;
        leg.Complete = true;
        leg.Received?.Clear();
        To.Ready(leg);
    }

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
                OnWindowUpdate(header.StreamId, FlowControl.ReadIncrement(payload));
                break;
            case FrameType.RstStream:
                OnRstStream(header.StreamId, payload);
                break;
            case FrameType.Settings or FrameType.Ping or FrameType.GoAway when header.StreamId == 0:
                OnConnection(header, payload);
                break;
            case FrameType.Priority when header.StreamId != 0:
                CountIdleWork();
                Require(payload.Length == 5, Http2ErrorCode.FrameSizeError, "PRIORITY does not have five bytes");
                break;
            case <= FrameType.Continuation:
                throw new Http2Exception(Http2ErrorCode.ProtocolError, $"{header.Type} is not allowed there");
            default:
                // Unknown frames mean nothing. Source: RFC 9113, section 5.5.
                CountIdleWork();
                break;
        }
    }

    private void OnData(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> content = HeaderBlock.Unpadded(header, payload);
        bool ends = header.Has(FrameHeader.EndStream);
        if (content.IsEmpty && !ends)
        {
            CountIdleWork();
        }

        StreamLeg leg;
        lock (Session.Gate)
        {
            From.Received(header.Length);
            if (Session.Find(header.StreamId) is not { Refused: false } stream)
            {
                return;
            }

            leg = LegFrom(stream);
            Require(!leg.SourceEnded, Http2ErrorCode.StreamClosed, "DATA after the end of its stream");
            Require(leg == leg.Stream.Request || leg.Stream.ResponseBegun, Http2ErrorCode.ProtocolError, "DATA before the headers");
            leg.ReceiveWindow -= header.Length;
            Require(leg.ReceiveWindow >= 0, Http2ErrorCode.FlowControlError, "more DATA than the stream's window");
            leg.Ungranted += header.Length;
            leg.SourceEnded = ends;
            if (!MessageRewriter.TryAppend(Session, leg, content))
            {
                return;
            }

            if (leg.Kind == EtcdMessage.Opaque)
            {
                leg.Complete = ends;
                To.Ready(leg);
            }
        }

        if (leg.Kind != EtcdMessage.Opaque)
        {
            _rewriter.Rewrite(Session, leg);
        }

        lock (Session.Gate)
        {
            if (ends && leg.Kind != EtcdMessage.Opaque && !leg.Stream.Gone && !leg.Complete)
            {
                EndOfSource(leg);
            }

            Session.Grant(leg);
        }
    }

    private void OnBlock(bool complete, int streamId)
    {
        if (complete)
        {
            List<HeaderField> fields = _hpack.Decode(_block.Bytes);
            lock (Session.Gate)
            {
                OnHeaders(streamId, fields, _block.EndsStream);
            }
        }
    }

    private void OnWindowUpdate(int streamId, int increment)
    {
        lock (Session.Gate)
        {
            if (streamId == 0)
            {
                From.Granted(increment);
            }
            else if (Session.Find(streamId) is { } stream)
            {
                StreamLeg leg = LegTo(stream);
                leg.SendWindow += increment;
                if (increment == 0 || leg.SendWindow > int.MaxValue)
                {
                    Http2ErrorCode code = increment == 0 ? Http2ErrorCode.ProtocolError : Http2ErrorCode.FlowControlError;
                    From.Output.RstStream(streamId, code);
                    To.Output.RstStream(streamId, Http2ErrorCode.Cancel);
                    Session.Remove(stream);
                    return;
                }

                From.Ready(leg);
            }
        }
    }

    private void OnRstStream(int streamId, ReadOnlySpan<byte> payload)
    {
        CountIdleWork();
        Require(payload.Length == 4, Http2ErrorCode.FrameSizeError, "RST_STREAM does not have four bytes");
        lock (Session.Gate)
        {
            if (Session.Find(streamId) is { } stream)
            {
                OnReset(stream, (Http2ErrorCode)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue));
            }
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
            From.Settings.Apply(payload);
            foreach (ProxyStream stream in Session.Streams)
            {
                StreamLeg leg = LegTo(stream);
                leg.SendWindow += (long)From.Settings.InitialWindow - before;
                Require(leg.SendWindow <= int.MaxValue, Http2ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE makes a window too large");
                From.Ready(leg);
            }

            From.Output.Frame(FrameType.Settings, FrameHeader.Ack, 0, default);
        }
    }

    private static void Require(bool holds, Http2ErrorCode code, string message)
    {
        if (!holds)
        {
            throw new Http2Exception(code, message);
        }
    }
}
