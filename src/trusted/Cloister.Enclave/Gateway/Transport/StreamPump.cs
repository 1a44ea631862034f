using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// What both sides of a session do with the frames of streams: their states, windows and lengths. What breaks a rule ends its stream where
/// that is enough, else the connection. Source: RFC 9113, sections 5.1, 6.1, 6.9 and 8.1. secrets: DATA passes through.
/// </summary>
internal abstract class StreamPump : IFrameHandler
{
    private readonly MessageRewriter _rewriter;

    private protected StreamPump(ProxySession session, MessageRewriter rewriter)
    {
        Session = session;
        _rewriter = rewriter;
    }

    public abstract Link From { get; }

    private protected ProxySession Session { get; }

    private protected abstract Link To { get; }

    /// <summary>The stream of that number on this side, or null when it is over. One that was never opened ends the connection.</summary>
    private protected abstract ProxyStream? Find(int streamId);

    /// <summary>The newest stream on this side.</summary>
    private protected abstract int LastId { get; }

    private protected abstract StreamLeg LegFrom(ProxyStream stream);

    private protected abstract StreamLeg LegTo(ProxyStream stream);

    public abstract void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream);

    public abstract void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload);

    public abstract void OnPing(bool ack, ReadOnlySpan<byte> payload);

    public abstract void CountIdleWork();

    private protected abstract void OnReset(ProxyStream stream, Http2ErrorCode code);

    /// <summary>The peer broke a rule on a stream: it is told, and the call ends if there still is one. Within the gate.</summary>
    private protected abstract void Fail(int streamId, ProxyStream? stream, Http2ErrorCode code, string message);

    /// <summary>The headers of the leg's message. Within the gate.</summary>
    private protected abstract bool HasHeaders(StreamLeg leg);

    public void OnData(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> content = HeaderBlock.Unpadded(header, payload);
        bool ends = header.Has(FrameHeader.EndStream);
        if (content.IsEmpty && !ends)
        {
            CountIdleWork();
        }

        StreamLeg? leg;
        lock (Session.Gate)
        {
            leg = Take(header, content, ends);
            if (leg is null || !TryTakeMessage(leg, ends))
            {
                CountIfRefused(leg);
                return;
            }
        }

        // Outside the gate, one message after the other: none overtakes one that is still being decrypted.
        bool more;
        do
        {
            _rewriter.Rewrite(Session, leg);
            lock (Session.Gate)
            {
                _rewriter.Deliver(Session, leg);
                more = TryTakeMessage(leg, ends);
            }
        }
        while (more);
        CountIfRefused(leg);
    }

    // A call that comes to nothing costs its sender nothing either.
    private void CountIfRefused(StreamLeg? leg)
    {
        if (leg is { Stream.Refused: true })
        {
            CountIdleWork();
        }
    }

    public void OnWindowUpdate(int streamId, int increment)
    {
        lock (Session.Gate)
        {
            if (Find(streamId) is not { } stream)
            {
                return;
            }

            StreamLeg leg = LegTo(stream);
            leg.SendWindow += increment;
            if (increment == 0)
            {
                Fail(streamId, stream, Http2ErrorCode.ProtocolError, "WINDOW_UPDATE of zero");
            }
            else if (leg.SendWindow > int.MaxValue)
            {
                Fail(streamId, stream, Http2ErrorCode.FlowControlError, "WINDOW_UPDATE past the largest window");
            }
            else
            {
                From.Ready(leg);
            }
        }
    }

    public void OnWindowChange(long difference)
    {
        foreach (ProxyStream stream in Session.Streams)
        {
            StreamLeg leg = LegTo(stream);
            leg.SendWindow += difference;
            if (leg.SendWindow > int.MaxValue)
            {
                throw new Http2Exception(Http2ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE makes a window too large");
            }

            From.Ready(leg);
        }
    }

    public void OnRstStream(int streamId, Http2ErrorCode code)
    {
        lock (Session.Gate)
        {
            if (Find(streamId) is { } stream)
            {
                OnReset(stream, code);
            }
        }
    }

    public void OnWrongSize(int streamId, string message)
    {
        lock (Session.Gate)
        {
            if (streamId > LastId || Find(streamId) is not { } stream)
            {
                throw new Http2Exception(Http2ErrorCode.FrameSizeError, message);
            }

            Fail(streamId, stream, Http2ErrorCode.FrameSizeError, message);
        }
    }

    /// <summary>DATA or HEADERS for a stream that is over. Within the gate.</summary>
    private protected void OnClosed(int streamId)
    {
        switch (From.Closed.Find(streamId))
        {
            case StreamEnd.Finished:
                throw new Http2Exception(Http2ErrorCode.StreamClosed, "a frame after the end of its stream");
            case StreamEnd.ResetByPeer:
                Fail(streamId, null, Http2ErrorCode.StreamClosed, "a frame after the reset of its stream");
                break;
            default:
                // Sent before the peer knew that its stream is over.
                break;
        }
    }

    /// <summary>The source has nothing more to send; what is not a whole message is dropped. Within the gate.</summary>
    private protected void EndOfSource(StreamLeg leg)
    {
        leg.SourceEnded = true;
        leg.Complete = true;
        leg.Received?.Clear();
        if (leg == leg.Stream.Request)
        {
            Session.OpenAtEtcd(leg.Stream);
        }

        To.Ready(leg);
    }

    // When there is no whole message to be rewritten, what was received is dealt with.
    private bool TryTakeMessage(StreamLeg leg, bool ends)
    {
        if (leg.Kind == EtcdMessage.Opaque)
        {
            leg.Complete = ends;
            To.Ready(leg);
        }
        else if (_rewriter.TryTake(Session, leg))
        {
            return true;
        }
        else if (ends && leg is { Stream.Gone: false, Complete: false })
        {
            EndOfSource(leg);
        }

        Session.Grant(leg);
        return false;
    }

    // Null when nothing is to be done with it.
    private StreamLeg? Take(FrameHeader header, ReadOnlySpan<byte> content, bool ends)
    {
        // Windows count also what is dropped.
        From.Received(header.Length);
        if (Find(header.StreamId) is not { } stream)
        {
            OnClosed(header.StreamId);
            return null;
        }

        if (stream.Refused)
        {
            return null;
        }

        StreamLeg leg = LegFrom(stream);
        leg.ReceiveWindow -= header.Length;
        leg.Ungranted += header.Length;
        leg.Announced -= content.Length;
        (Http2ErrorCode code, string? wrong) = leg switch
        {
            { SourceEnded: true } => (Http2ErrorCode.StreamClosed, "DATA after the end of its stream"),
            { ReceiveWindow: < 0 } => (Http2ErrorCode.FlowControlError, "more DATA than the stream's window"),
            { Announced: { } rest } when rest < 0 || (ends && rest != 0) => (Http2ErrorCode.ProtocolError, "DATA has not the length that content-length says"),
            _ when !HasHeaders(leg) => (Http2ErrorCode.ProtocolError, "DATA before the headers"),
            _ => (Http2ErrorCode.NoError, null),
        };
        if (wrong is not null)
        {
            Fail(header.StreamId, stream, code, wrong);
            return null;
        }

        leg.SourceEnded = ends;
        if (!MessageRewriter.TryAppend(Session, leg, content))
        {
            CountIdleWork();
            return null;
        }

        return leg;
    }
}
