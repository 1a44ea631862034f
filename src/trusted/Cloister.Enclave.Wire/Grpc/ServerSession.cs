using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// The frames of one connection, and what they mean for its calls. The thread that reads it does what handlers can do at once and sends the answers of what
/// came together, together; a handler that has to wait ends on another thread, which sends only what the peer takes at once. Source: RFC 9113; gRPC over HTTP2. secrets: see its calls.
/// </summary>
internal sealed class ServerSession : IFrameSession, IFrameHandler, IDisposable
{
    private const int GrantAt = FlowControl.StreamWindow / 4;

    // Frames other than DATA that may wait for the peer: as long as more do, it is not read.
    private const int MaxBacklog = 256 * 1024;

    private readonly ServerParts _parts;
    private readonly ConnectionTable.Connection _entry;
    private readonly Func<bool> _isWritable;
    private readonly OpenCalls _calls;
    private readonly FloodGuard _flood = new();
    private readonly LatePings _pings;
    private int _lastId;
    private int _goAwayLimit = int.MaxValue;
    private int _thread;

    /// <param name="parts">What connections share.</param>
    /// <param name="stream">The connection.</param>
    /// <param name="entry">Its place among those of the socket.</param>
    /// <param name="isWritable">Whether the connection takes a write without waiting.</param>
    internal ServerSession(ServerParts parts, Stream stream, ConnectionTable.Connection entry, Func<bool> isWritable)
    {
        _parts = parts;
        _entry = entry;
        _isWritable = isWritable;
        From = new Link(stream, Gate, toServer: false) { Sent = message => _calls!.OnSent(message) };
        _calls = new OpenCalls(parts, entry, From, Gate, OnAnswered);
        _pings = new LatePings(this, From);
    }

    public Lock Gate { get; } = new();

    public Link From { get; }

    public bool IsCongested => From.Backlog > MaxBacklog;

    /// <summary>A call is open, or a handler still works.</summary>
    internal bool HasCalls => _calls.Count > 0;

    /// <summary>Announces what is taken here, on the thread that will read.</summary>
    internal void Begin()
    {
        _thread = Environment.CurrentManagedThreadId;
        From.Output.Frame(
            FrameType.Settings, 0, 0,
            PeerSettings.Payload((3, _parts.Options.MaxCalls), (4, FlowControl.StreamWindow), (6, HpackDecoder.MaxListSize)));
        From.OpenWindow();
    }

    public void Flush() => From.Flush();

    /// <summary>Sends what the peer takes at once; the rest waits for the thread that reads, or for the next time.</summary>
    internal void FlushFromElsewhere()
    {
        try
        {
            From.Flush(_isWritable);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The thread that reads notices it too.
        }
    }

    /// <summary>Takes no more calls from now on, and says so.</summary>
    internal void GoAway(Http2ErrorCode code, string reason)
    {
        lock (Gate)
        {
            _goAwayLimit = Math.Min(_goAwayLimit, _lastId);
            From.Output.GoAway(_goAwayLimit, code, reason);
        }
    }

    /// <summary>The request had to give way. Called by any thread that holds no gate.</summary>
    /// <param name="call">The request.</param>
    /// <param name="isYoung">It had just begun, which says nothing of its client.</param>
    internal void GiveWay(ServerCall call, bool isYoung)
    {
        lock (Gate)
        {
            if (call.Session == this && call.Loss is { } loss)
            {
                _calls.Refuse(call, GrpcStatuses.Of(loss.Kind), loss.Message);
            }
        }

        if (!isYoung)
        {
            _entry.Lose();
        }

        FlushFromElsewhere();
    }

    /// <summary>Ends calls whose answers are not read.</summary>
    internal void EndUnread(long now)
    {
        lock (Gate)
        {
            _calls.EndUnread(now);
        }

        FlushFromElsewhere();
    }

    public void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream)
    {
        if (streamId % 2 == 0)
        {
            throw new Http2Exception(PeerFault.EvenStreamNumber);
        }

        if (streamId > _lastId)
        {
            OnCall(streamId, fields, endsStream);
            return;
        }

        ServerCall? whole;
        lock (Gate)
        {
            whole = OnTrailers(streamId, fields, endsStream);
        }

        Complete(whole);
    }

    public void OnData(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> content = HeaderBlock.Unpadded(header, payload);
        bool ends = header.Has(FrameHeader.EndStream);
        if (content.IsEmpty && !ends)
        {
            CountIdleWork();
        }

        ServerCall? call;
        lock (Gate)
        {
            // Windows count also what is dropped.
            From.Received(header.Length);
            call = Take(header, content.Length, ends);
        }

        if (call is null)
        {
            return;
        }

        try
        {
            // Not within the gate: others may have to give way for it.
            bool known = call.TakePrefix(ref content, _parts.Options.MaxMessageSize);
            if (known)
            {
                _parts.Budget.Reserve(call, call.Length);
            }

            lock (Gate)
            {
                if (call.State != CallState.Receiving)
                {
                    return;
                }

                call.Append(content, known);
                if (ends)
                {
                    call.CheckWhole();
                }
            }
        }
        catch (FailureException e)
        {
            lock (Gate)
            {
                _calls.Refuse(call, GrpcStatuses.Of(e.Kind), e.Message);
            }

            return;
        }

        Complete(ends ? call : null);
    }

    public void OnWindowUpdate(int streamId, int increment)
    {
        lock (Gate)
        {
            if (Find(streamId) is { } call && From.Granted(call, increment) is { } fault)
            {
                Fail(streamId, call, fault);
            }
        }
    }

    public void OnWindowChange(long difference)
    {
        foreach (ServerCall call in _calls.All)
        {
            From.Widened(call, difference);
        }
    }

    public void OnRstStream(int streamId, Http2ErrorCode code)
    {
        lock (Gate)
        {
            if (Find(streamId) is { } call)
            {
                _calls.End(call, StreamEnd.ResetByPeer);
            }
        }
    }

    public void OnWrongSize(int streamId, PeerFault fault)
    {
        lock (Gate)
        {
            if (streamId > _lastId || Find(streamId) is not { } call)
            {
                throw new Http2Exception(fault);
            }

            Fail(streamId, call, fault);
        }
    }

    public void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload)
    {
        // It opens no more calls and closes when its last one is over.
    }

    public void OnPing(bool ack, ReadOnlySpan<byte> payload)
    {
        if (!ack)
        {
            _pings.Answer(From, payload);
        }
    }

    public void CountIdleWork() => _flood.Count();

    /// <summary>Ends every call: nobody is there any more.</summary>
    public void Dispose()
    {
        _pings.Dispose();
        lock (Gate)
        {
            _calls.EndAll();
        }
    }

    // Null when it is over. One that was never opened ends the connection.
    private ServerCall? Find(int streamId) =>
        streamId > 0 && streamId <= _lastId && streamId % 2 == 1
            ? _calls.Find(streamId)
            : throw new Http2Exception(PeerFault.StreamNotOpen);

    private void OnCall(int streamId, List<HeaderField> fields, bool endsStream)
    {
        lock (Gate)
        {
            _lastId = streamId;
            if (streamId > _goAwayLimit)
            {
                From.Closed.Add(streamId, StreamEnd.ResetHere);
                return;
            }
        }

        if (!HeaderRules.IsRequest(fields) || !HeaderRules.TryLength(fields, out long? length) || (endsStream && length > 0))
        {
            Reject(streamId, PeerFault.MalformedRequest);
        }
        else if (_calls.Count >= _parts.Options.MaxCalls)
        {
            Reject(streamId, PeerFault.TooManyCalls);
        }
        else
        {
            Admit(streamId, new GrpcRequest(fields), length, endsStream);
        }
    }

    private void Admit(int streamId, GrpcRequest request, long? length, bool endsStream)
    {
        if (!request.IsGrpc)
        {
            CountIdleWork();
            lock (Gate)
            {
                From.Answer(streamId, GrpcAnswer.NotGrpc(), endsStream);
            }

            return;
        }

        (string name, ServiceMethod? handler, CallMeter meter) = _parts.Methods.Find(request.Path);
        ServerCall call = _parts.Rent();
        lock (Gate)
        {
            call.Begin(this, streamId, name, handler, meter, From.Settings.InitialWindow);
            call.Call.Begin(request.Timeout);
            call.Announced = length;
            call.SourceEnded = endsStream;
            _calls.Add(call);
        }

        try
        {
            _parts.Budget.Begin(call);
            if (endsStream)
            {
                throw new FailureException(FailureKind.Invalid, "the request's message is truncated");
            }
        }
        catch (FailureException e)
        {
            CountIdleWork();
            lock (Gate)
            {
                _calls.Refuse(call, GrpcStatuses.Of(e.Kind), e.Message);
            }
        }
    }

    private void Reject(int streamId, PeerFault fault)
    {
        lock (Gate)
        {
            Fail(streamId, null, fault);
        }
    }

    private ServerCall? OnTrailers(int streamId, List<HeaderField> fields, bool endsStream)
    {
        if (Find(streamId) is not { } call)
        {
            if (From.Closed.Find(streamId) == StreamEnd.Unknown)
            {
                throw new Http2Exception(PeerFault.StreamNumberWentBack);
            }

            OnClosed(streamId);
            return null;
        }

        if (call.SourceEnded)
        {
            Fail(streamId, call, PeerFault.HeadersAfterEnd);
        }
        else if (!endsStream || !HeaderRules.IsTrailers(fields) || call.Announced > 0)
        {
            Fail(streamId, call, PeerFault.MalformedTrailers);
        }
        else
        {
            call.SourceEnded = true;
            if (call.State == CallState.Receiving)
            {
                // gRPC has no trailers in requests: their end is all that matters.
                try
                {
                    call.CheckWhole();
                    return call;
                }
                catch (FailureException e)
                {
                    _calls.Refuse(call, GrpcStatuses.Of(e.Kind), e.Message);
                }
            }
        }

        return null;
    }

    // Null when nothing is to be done with it.
    private ServerCall? Take(FrameHeader header, int length, bool ends)
    {
        if (Find(header.StreamId) is not { } call)
        {
            OnClosed(header.StreamId);
            return null;
        }

        call.ReceiveWindow -= header.Length;
        call.Announced -= length;
        if (call.SourceEnded)
        {
            Fail(header.StreamId, call, PeerFault.DataAfterEnd);
            return null;
        }

        if (call.ReceiveWindow < 0 || call.Announced < 0 || (ends && call.Announced > 0))
        {
            Fail(header.StreamId, call, call.ReceiveWindow < 0 ? PeerFault.StreamWindowExceeded : PeerFault.WrongContentLength);
            return null;
        }

        call.SourceEnded = ends;
        call.Ungranted += header.Length;
        if (call.State != CallState.Receiving)
        {
            // It was refused, and its client does not know it yet.
            return null;
        }

        if (!ends && call.Ungranted >= GrantAt)
        {
            From.Output.WindowUpdate(call.Id, call.Ungranted);
            call.ReceiveWindow += call.Ungranted;
            call.Ungranted = 0;
        }

        return call;
    }

    // On the thread that reads, outside the gate.
    private void Complete(ServerCall? call)
    {
        if (call is not null && _parts.Budget.TryComplete(call))
        {
            _calls.Run(call);
        }
    }

    // A handler that had to wait ends on another thread than the one that reads, and sends when that is done.
    private void OnAnswered()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            FlushFromElsewhere();
        }
    }

    // DATA or HEADERS for a stream that is over.
    private void OnClosed(int streamId)
    {
        if (From.Closed.Late(streamId) is { } fault)
        {
            Fail(streamId, null, fault);
        }
    }

    // The peer broke a rule on a stream.
    private void Fail(int streamId, ServerCall? call, PeerFault fault)
    {
        CountIdleWork();
        From.Output.RstStream(streamId, fault.Code);
        From.Closed.Add(streamId, StreamEnd.ResetHere);
        if (call is not null)
        {
            _calls.End(call, StreamEnd.ResetHere);
        }
    }

}
