using System.IO.Pipelines;
using Cloister.Enclave.Kms;
using Cloister.Enclave.Memory;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// What the requests of one socket may take in memory together. A request that is not whole gives way to a newer one, the oldest first, and is
/// given up when it takes too long; one that is whole stays until it is answered. Thread-safe. secrets: none.
/// </summary>
internal sealed class RequestBudget : IDisposable
{
    /// <summary>What a request takes besides its message, or a little more: Kestrel's stream and its pipes, its first buffers here.</summary>
    internal const int CallSize = 32 * 1024;

    private const long BodyMilliseconds = 10_000;
    private const int WaitMilliseconds = 2;
    private const int SweepMilliseconds = 1000;

    private readonly LinkedList<GrpcCallState> _incomplete = [];
    private readonly Lock _lock = new();
    private readonly KmsCounters _counters;
    private readonly Timer _sweep;
    private bool _sweeping;
    private bool _stopped;
    private long _left;

    // Of those that had to give way and have not yet.
    private long _returning;

    /// <summary>Makes a budget.</summary>
    /// <param name="bytes">Of all requests together.</param>
    /// <param name="counters">Where requests that gave way are counted.</param>
    internal RequestBudget(int bytes, KmsCounters counters)
    {
        _left = bytes;
        _counters = counters;
        _sweep = new Timer(_ => GiveUpSlow());
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _stopped = true;
            _sweep.Dispose();
        }
    }

    /// <summary>A request begins to arrive.</summary>
    /// <exception cref="RpcException">ResourceExhausted: whole requests take everything.</exception>
    internal async ValueTask BeginAsync(GrpcCallState call, PipeReader body, CancellationToken aborted)
    {
        while (!TryTake(call, CallSize))
        {
            await Task.Delay(WaitMilliseconds, aborted);
        }

        lock (_lock)
        {
            call.Body = body;
            call.Since = Environment.TickCount64;
            _incomplete.AddLast(call.Incomplete);
            Sweep();
        }
    }

    /// <summary>Its message has that many bytes.</summary>
    /// <exception cref="RpcException">ResourceExhausted, or it had to give way already.</exception>
    internal async ValueTask ReserveAsync(GrpcCallState call, int length, CancellationToken aborted)
    {
        while (!TryTake(call, PinnedBuffers.SizeOf(length)))
        {
            await Task.Delay(WaitMilliseconds, aborted);
        }
    }

    /// <summary>It is whole.</summary>
    /// <exception cref="RpcException">It had to give way already.</exception>
    internal void Complete(GrpcCallState call)
    {
        lock (_lock)
        {
            ThrowIfGone(call);
            _incomplete.Remove(call.Incomplete);
        }
    }

    /// <summary>It holds nothing any more.</summary>
    internal void End(GrpcCallState call)
    {
        lock (_lock)
        {
            if (call.Incomplete.List is not null)
            {
                _incomplete.Remove(call.Incomplete);
            }

            _left += call.Charged;
            _returning -= call.Loss is null ? 0 : call.Charged;
            call.Charged = 0;
            call.Body = null;
            call.Loss = null;
        }
    }

    /// <summary>What a request that had to go is answered with.</summary>
    internal static void ThrowIfGone(GrpcCallState call)
    {
        if (call.Loss is { } loss)
        {
            throw loss;
        }
    }

    // What had to give way is there only when it has: until then, wait.
    private bool TryTake(GrpcCallState call, int bytes)
    {
        lock (_lock)
        {
            ThrowIfGone(call);
            if (_left >= bytes)
            {
                _left -= bytes;
                call.Charged += bytes;
                return true;
            }

            for (LinkedListNode<GrpcCallState>? oldest = _incomplete.First; _left + _returning < bytes; oldest = _incomplete.First)
            {
                if (oldest?.Value == call)
                {
                    oldest = oldest.Next;
                }

                if (oldest is null)
                {
                    throw new RpcException(StatusCode.ResourceExhausted, "the requests under way take all the memory there is for them: try again later");
                }

                GiveWay(oldest.Value, new RpcException(StatusCode.ResourceExhausted, "the request was not whole yet when others needed its memory"));
            }

            return false;
        }
    }

    // Only while there is something to be swept: a timer that fires for nothing wakes threads.
    private void Sweep()
    {
        if (!_sweeping && !_stopped && _incomplete.First is not null)
        {
            _sweeping = true;
            _sweep.Change(SweepMilliseconds, Timeout.Infinite);
        }
    }

    private void GiveUpSlow()
    {
        lock (_lock)
        {
            _sweeping = false;
            while (_incomplete.First is { } oldest && Environment.TickCount64 - oldest.Value.Since >= BodyMilliseconds)
            {
                GiveWay(oldest.Value, new RpcException(StatusCode.DeadlineExceeded, $"the request was not whole after {BodyMilliseconds / 1000} s"));
            }

            Sweep();
        }
    }

    // Under the lock, so that the pipe is still this request's.
    private void GiveWay(GrpcCallState call, RpcException loss)
    {
        _incomplete.Remove(call.Incomplete);
        _returning += call.Charged;
        call.Loss = loss;
        _counters.RequestGaveWay();
        call.Body!.CancelPendingRead();
    }
}
