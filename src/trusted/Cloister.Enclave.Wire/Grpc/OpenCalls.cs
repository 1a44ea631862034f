using System.Diagnostics;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// The calls of a connection from the beginning of their requests to the end of their streams: runs handlers, makes answers, and takes calls back when nobody
/// needs them. The session's gate guards it, unless a member says otherwise. secrets: see its calls.
/// </summary>
internal sealed class OpenCalls
{
    // An answer of which nothing is taken for so long.
    private const int ReaderMilliseconds = 20_000;

    private readonly ServerParts _parts;
    private readonly ConnectionTable.Connection _entry;
    private readonly Link _link;
    private readonly Lock _gate;
    private readonly Action _answered;
    private readonly Dictionary<int, ServerCall> _calls = [];
    private int _open;

    /// <param name="parts">What connections share.</param>
    /// <param name="entry">The connection's place among those of the socket.</param>
    /// <param name="link">To the peer.</param>
    /// <param name="gate">The session's.</param>
    /// <param name="answered">Called outside the gate when a handler's answer waits to be sent.</param>
    internal OpenCalls(ServerParts parts, ConnectionTable.Connection entry, Link link, Lock gate, Action answered)
    {
        (_parts, _entry, _link, _gate, _answered) = (parts, entry, link, gate, answered);
    }

    /// <summary>Calls whose streams are open, or whose handlers still work. By any thread.</summary>
    internal int Count => Volatile.Read(ref _open);

    /// <summary>Those whose streams are open.</summary>
    internal IReadOnlyCollection<ServerCall> All => _calls.Values;

    /// <summary>Null when its stream is not open.</summary>
    internal ServerCall? Find(int streamId) => _calls.GetValueOrDefault(streamId);

    internal void Add(ServerCall call)
    {
        _calls.Add(call.Id, call);
        _open++;
    }

    /// <summary>Calls the handler of a whole request. Outside the gate, on the thread that reads.</summary>
    internal void Run(ServerCall call)
    {
        lock (_gate)
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

    /// <summary>Answers what has not run, and will not.</summary>
    internal void Refuse(ServerCall call, GrpcStatus code, string message)
    {
        if (call.State != CallState.Receiving)
        {
            return;
        }

        _parts.Failures.Record(call.Name, code, message);
        call.Meter?.Record((int)code);
        call.MoveTo(CallState.Answering);
        call.Request.Reset();
        call.Reset = call.SourceEnded ? null : Http2ErrorCode.NoError;
        Answer(call, GrpcAnswer.Status(code, message, trailers: true));
    }

    /// <summary>Its stream is over; when its handler still works, that ends by itself.</summary>
    internal void End(ServerCall call, StreamEnd end)
    {
        _calls.Remove(call.Id);
        _link.Closed.Add(call.Id, end);
        if (call.State == CallState.Running)
        {
            call.MoveTo(CallState.Abandoned);
            call.Call.Abort();
            return;
        }

        Recycle(call);
    }

    /// <summary>Ends calls whose answers are not read.</summary>
    internal void EndUnread(long now)
    {
        foreach (ServerCall call in _calls.Values.Where(call => IsUnread(call, now)).ToList())
        {
            _link.Output.RstStream(call.Id, Http2ErrorCode.Cancel);
            End(call, StreamEnd.ResetHere);
        }
    }

    /// <summary>Ends every call: nobody is there any more.</summary>
    internal void EndAll()
    {
        foreach (ServerCall call in _calls.Values.ToList())
        {
            End(call, StreamEnd.ResetByPeer);
        }
    }

    /// <summary>So much of an answer is on its way.</summary>
    internal void OnSent(OutgoingMessage message)
    {
        if (message.Ended)
        {
            ServerCall call = (ServerCall)message;
            End(call, call.Reset is null ? StreamEnd.Finished : StreamEnd.ResetHere);
        }
    }

    private async Task RunAsync(ServerCall call)
    {
        (GrpcStatus code, string message, bool fault) = (GrpcStatus.Ok, "", false);
        string uid = "";
        long began = Stopwatch.GetTimestamp();
        try
        {
            ServiceMethod handler = call.Handler ?? throw new FailureException(FailureKind.NotSupported, "this socket does not serve that method");
            call.BeginResponse();
            await handler(call.Request.Written, call.Response, call.Call);
            call.CompleteResponse();
        }
        catch (FailureException e)
        {
            (code, message, uid) = (GrpcStatuses.Of(e.Kind), e.Message, e.RequestUid);
        }
        catch (OperationCanceledException)
        {
            (code, message) = call.State == CallState.Abandoned
                ? (GrpcStatus.Cancelled, "the call was cancelled")
                : (GrpcStatus.DeadlineExceeded, "the deadline passed before the call was done");
        }
        catch (OutOfMemoryException)
        {
            (code, message) = (GrpcStatus.ResourceExhausted, "the enclave has no memory for this now: try again later");
        }
        catch (Exception e)
        {
            (code, message, fault) = (GrpcStatus.Internal, "a fault in the enclave; its log has type and place", true);
            _parts.Failures.Fault(call.Name, e);
        }

        call.Meter?.Record((int)code);
        call.Meter?.Durations.Record(began);
        if (code != GrpcStatus.Ok && !fault)
        {
            _parts.Failures.Record(call.Name, code, message, uid);
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
        lock (_gate)
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

    private void Finish(ServerCall call, GrpcStatus code, string message)
    {
        lock (_gate)
        {
            if (call.State == CallState.Abandoned)
            {
                Recycle(call);
                return;
            }

            call.MoveTo(CallState.Answering);
            if (code != GrpcStatus.Ok)
            {
                call.Response.Reset();
            }

            Answer(call, code == GrpcStatus.Ok ? _parts.Success : GrpcAnswer.Status(code, message, trailers: true));
        }

        _answered();
    }

    private void Answer(ServerCall call, List<HeaderField> trailers)
    {
        _link.Headers(call.Id, endsStream: false, _parts.Headers);
        call.Trailers = trailers;
        _link.Ready(call);
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
