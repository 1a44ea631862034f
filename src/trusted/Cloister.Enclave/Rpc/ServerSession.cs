using System.Text;
using Cloister.Enclave.Wire;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// The calls of one connection. The thread that reads it does what handlers can do at once and sends the answers of what came together, together; a handler
/// that has to wait ends on another thread, which sends only what the peer takes at once. Source: RFC 9113; gRPC over HTTP2. secrets: see its calls.
/// </summary>
internal sealed class ServerSession : IFrameSession, IFrameHandler, IDisposable
{
    private const int GrantAt = FlowControl.StreamWindow / 4;

    // Frames other than DATA that may wait for the peer: as long as more do, it is not read.
    private const int MaxBacklog = 256 * 1024;

    // An answer of which nothing is taken for so long.
    private const int ReaderMilliseconds = 20_000;

    private readonly ServerParts _parts;
    private readonly ConnectionTable.Connection _entry;
    private readonly Func<bool> _isWritable;
    private readonly Dictionary<int, ServerCall> _calls = [];
    private readonly FloodGuard _flood = new();
    private readonly LatePings _pings;
    private int _lastId;
    private int _goAwayLimit = int.MaxValue;
    private int _open;
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
        From = new Link(stream, Gate, toServer: false) { Sent = OnSent };
        _pings = new LatePings(this, From);
    }

    public Lock Gate { get; } = new();

    public Link From { get; }

    public bool IsCongested => From.Backlog > MaxBacklog;

    /// <summary>A call is open, or a handler still works.</summary>
    internal bool HasCalls => Volatile.Read(ref _open) > 0;

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
                Refuse(call, loss.Code, loss.Message);
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
            foreach (ServerCall call in _calls.Values.Where(call => IsUnread(call, now)).ToList())
            {
                From.Output.RstStream(call.Id, Http2ErrorCode.Cancel);
                End(call, StreamEnd.ResetHere);
            }
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

                Append(call, content, known);
                if (ends)
                {
                    CheckWhole(call);
                }
            }
        }
        catch (RpcException e)
        {
            lock (Gate)
            {
                Refuse(call, e.Code, e.Message);
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
        foreach (ServerCall call in _calls.Values)
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
                End(call, StreamEnd.ResetByPeer);
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
            foreach (ServerCall call in _calls.Values.ToList())
            {
                End(call, StreamEnd.ResetByPeer);
            }
        }
    }

    // Null when it is over. One that was never opened ends the connection.
    private ServerCall? Find(int streamId) =>
        streamId > 0 && streamId <= _lastId && streamId % 2 == 1
            ? _calls.GetValueOrDefault(streamId)
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
        else if (Volatile.Read(ref _open) >= _parts.Options.MaxCalls)
        {
            Reject(streamId, PeerFault.TooManyCalls);
        }
        else if (!IsGrpc(fields))
        {
            CountIdleWork();
            lock (Gate)
            {
                From.Answer(streamId, GrpcAnswer.NotGrpc(), endsStream);
            }
        }
        else
        {
            Admit(streamId, fields, length, endsStream);
        }
    }

    private static bool IsGrpc(List<HeaderField> fields)
    {
        bool post = false;
        bool grpc = false;
        foreach (HeaderField field in fields)
        {
            post |= field.Is(":method"u8) && field.Value.AsSpan().SequenceEqual("POST"u8);
            grpc |= field.Is("content-type"u8) && IsGrpc(field.Value);
        }

        return post && grpc;
    }

    private static bool IsGrpc(ReadOnlySpan<byte> contentType)
    {
        ReadOnlySpan<byte> grpc = "application/grpc"u8;
        return contentType.Length >= grpc.Length && Ascii.EqualsIgnoreCase(contentType[..grpc.Length], grpc)
            && (contentType.Length == grpc.Length || contentType[grpc.Length] is (byte)'+' or (byte)';');
    }

    private void Admit(int streamId, List<HeaderField> fields, long? length, bool endsStream)
    {
        ReadOnlySpan<byte> path = default;
        ReadOnlySpan<byte> timeout = default;
        foreach (HeaderField field in fields)
        {
            if (field.Is(":path"u8))
            {
                path = field.Value;
            }
            else if (field.Is("grpc-timeout"u8))
            {
                timeout = field.Value;
            }
        }

        (string name, UnaryHandler? handler) = _parts.Methods.Find(path);
        ServerCall call = _parts.Rent();
        lock (Gate)
        {
            call.Begin(this, streamId, name, handler, From.Settings.InitialWindow);
            call.Call.Begin(timeout);
            call.Announced = length;
            call.SourceEnded = endsStream;
            _calls.Add(streamId, call);
            _open++;
        }

        try
        {
            _parts.Budget.Begin(call);
            if (endsStream)
            {
                throw new RpcException(StatusCode.InvalidArgument, "the request's message is truncated");
            }
        }
        catch (RpcException e)
        {
            CountIdleWork();
            lock (Gate)
            {
                Refuse(call, e.Code, e.Message);
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
            OnClosed(streamId, trailers: true);
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
                    CheckWhole(call);
                    return call;
                }
                catch (RpcException e)
                {
                    Refuse(call, e.Code, e.Message);
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
            OnClosed(header.StreamId, trailers: false);
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

    // DATA or HEADERS for a stream that is over.
    private void OnClosed(int streamId, bool trailers)
    {
        switch (From.Closed.Find(streamId))
        {
            case StreamEnd.Finished:
                throw new Http2Exception(PeerFault.FrameAfterEnd);
            case StreamEnd.ResetByPeer:
                Fail(streamId, null, PeerFault.FrameAfterReset);
                break;
            case StreamEnd.Unknown when trailers:
                throw new Http2Exception(PeerFault.StreamNumberWentBack);
            default:
                // Sent before the peer knew that its stream is over.
                break;
        }
    }

    private static void Append(ServerCall call, ReadOnlySpan<byte> content, bool first)
    {
        if (call.Length >= 0 && content.Length > call.Length - call.Request.Length)
        {
            throw new RpcException(StatusCode.InvalidArgument, "the request has bytes after its message");
        }

        if (first)
        {
            call.Request.Reserve(call.Length);
        }

        call.Request.Append(content);
    }

    private static void CheckWhole(ServerCall call)
    {
        if (call.Request.Length != call.Length)
        {
            throw new RpcException(StatusCode.InvalidArgument, "the request's message is truncated");
        }
    }

    // On the thread that reads, outside the gate.
    private void Complete(ServerCall? call)
    {
        if (call is null || !_parts.Budget.TryComplete(call))
        {
            return;
        }

        lock (Gate)
        {
            if (call.State != CallState.Receiving)
            {
                return;
            }

            call.MoveTo(CallState.Running);
            call.HasRun = true;
        }

        _entry.BeginCall();
        _ = RunAsync(call);
    }

    private async Task RunAsync(ServerCall call)
    {
        (StatusCode code, string message, bool fault) = (StatusCode.Ok, "", false);
        try
        {
            UnaryHandler handler = call.Handler ?? throw new RpcException(StatusCode.Unimplemented, "this socket does not serve that method");
            call.BeginResponse();
            await handler(call.Request.Written, call.Response, call.Call);
            call.CompleteResponse();
        }
        catch (RpcException e)
        {
            (code, message) = (e.Code, e.Message);
        }
        catch (OperationCanceledException)
        {
            (code, message) = call.State == CallState.Abandoned
                ? (StatusCode.Cancelled, "the call was cancelled")
                : (StatusCode.DeadlineExceeded, "the deadline passed before the call was done");
        }
        catch (OutOfMemoryException)
        {
            (code, message) = (StatusCode.ResourceExhausted, "the enclave has no memory for this now: try again later");
        }
        catch (Exception e)
        {
            (code, message, fault) = (StatusCode.Internal, "a fault in the enclave; its log has type and place", true);
            _parts.Failures.Fault(call.Name, e);
        }

        if (code != StatusCode.Ok && !fault)
        {
            _parts.Failures.Record(call.Name, code, message);
        }

        try
        {
            Finish(call, code, message);
        }
        catch (Exception e)
        {
            // No memory for the answer, most likely: the client is not left waiting for it.
            Drop(call);
            _parts.Failures.Fault(call.Name, e);
        }
    }

    private void Drop(ServerCall call)
    {
        lock (Gate)
        {
            if (call.State == CallState.Running)
            {
                End(call, StreamEnd.ResetHere);
            }

            if (call.State == CallState.Abandoned)
            {
                Recycle(call);
            }
        }

        _entry.Close();
    }

    private void Finish(ServerCall call, StatusCode code, string message)
    {
        lock (Gate)
        {
            if (call.State == CallState.Abandoned)
            {
                Recycle(call);
                return;
            }

            call.MoveTo(CallState.Answering);
            if (code != StatusCode.Ok)
            {
                call.Response.Reset();
            }

            Answer(call, code == StatusCode.Ok ? _parts.Success : GrpcAnswer.Status(code, message, trailers: true));
        }

        if (Environment.CurrentManagedThreadId != _thread)
        {
            FlushFromElsewhere();
        }
    }

    // Answers what has not run, and will not. Within the gate, as what follows.
    private void Refuse(ServerCall call, StatusCode code, string message)
    {
        if (call.State != CallState.Receiving)
        {
            return;
        }

        _parts.Failures.Record(call.Name, code, message);
        call.MoveTo(CallState.Answering);
        call.Request.Reset();
        call.Reset = call.SourceEnded ? null : Http2ErrorCode.NoError;
        Answer(call, GrpcAnswer.Status(code, message, trailers: true));
    }

    private void Answer(ServerCall call, List<HeaderField> trailers)
    {
        From.Headers(call.Id, endsStream: false, _parts.Headers);
        call.Trailers = trailers;
        From.Ready(call);
    }

    // The peer broke a rule on a stream.
    private void Fail(int streamId, ServerCall? call, PeerFault fault)
    {
        CountIdleWork();
        From.Output.RstStream(streamId, fault.Code);
        From.Closed.Add(streamId, StreamEnd.ResetHere);
        if (call is not null)
        {
            End(call, StreamEnd.ResetHere);
        }
    }

    private void OnSent(OutgoingMessage message)
    {
        if (message.Ended)
        {
            ServerCall call = (ServerCall)message;
            End(call, call.Reset is null ? StreamEnd.Finished : StreamEnd.ResetHere);
        }
    }

    // Its stream is over; when its handler still works, that ends by itself.
    private void End(ServerCall call, StreamEnd end)
    {
        _calls.Remove(call.Id);
        From.Closed.Add(call.Id, end);
        if (call.State == CallState.Running)
        {
            call.MoveTo(CallState.Abandoned);
            call.Call.Abort();
            return;
        }

        Recycle(call);
    }

    private void Recycle(ServerCall call)
    {
        call.MoveTo(CallState.Over);
        if (call.HasRun)
        {
            _entry.EndCall();
        }

        _parts.Budget.End(call);
        call.End();
        if (!call.Queued)
        {
            _parts.Return(call);
        }

        // Last: who sees that no call is open may count on the rest.
        Volatile.Write(ref _open, _open - 1);
    }

    private static bool IsUnread(ServerCall call, long now)
    {
        if (call.PendingLength == 0 || call.Sent != call.Seen.Sent)
        {
            call.Seen = (call.Sent, now);
        }

        return now - call.Seen.At > ReaderMilliseconds;
    }
}
