using Cloister.Enclave.Wire.Http2;

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
    private protected abstract void Fail(int streamId, ProxyStream? stream, PeerFault fault);

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
            if (Find(streamId) is { } stream && From.Granted(LegTo(stream), increment) is { } fault)
            {
                Fail(streamId, stream, fault);
            }
        }
    }

    public void OnWindowChange(long difference)
    {
        foreach (ProxyStream stream in Session.Streams)
        {
            From.Widened(LegTo(stream), difference);
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

    public void OnWrongSize(int streamId, PeerFault fault)
    {
        lock (Session.Gate)
        {
            if (streamId > LastId || Find(streamId) is not { } stream)
            {
                throw new Http2Exception(fault);
            }

            Fail(streamId, stream, fault);
        }
    }

    /// <summary>DATA or HEADERS for a stream that is over. Within the gate.</summary>
    private protected void OnClosed(int streamId)
    {
        if (From.Closed.Late(streamId) is { } fault)
        {
            Fail(streamId, null, fault);
        }
    }

    /// <summary>The source has nothing more to send; what is not a whole message is dropped. Within the gate.</summary>
    private protected void EndOfSource(StreamLeg leg)
    {
        leg.MoveSourceTo(SourceState.Complete);
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
            leg.MoveSourceTo(ends ? SourceState.Complete : SourceState.Open);
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
        PeerFault? fault = leg switch
        {
            { SourceEnded: true } => PeerFault.DataAfterEnd,
            { ReceiveWindow: < 0 } => PeerFault.StreamWindowExceeded,
            { Announced: { } rest } when rest < 0 || (ends && rest != 0) => PeerFault.WrongContentLength,
            _ when !HasHeaders(leg) => PeerFault.DataBeforeHeaders,
            _ => null,
        };
        if (fault is not null)
        {
            Fail(header.StreamId, stream, fault);
            return null;
        }

        leg.MoveSourceTo(ends ? SourceState.Ended : SourceState.Open);
        if (!MessageRewriter.TryAppend(Session, leg, content))
        {
            CountIdleWork();
            return null;
        }

        return leg;
    }
}
