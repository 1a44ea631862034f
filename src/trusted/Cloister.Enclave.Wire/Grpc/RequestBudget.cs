using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// What the requests of one socket may take in memory together. A request that is not whole gives way to a newer one, the oldest first, and is
/// given up when it takes too long; one that is whole stays until it is answered. Called outside of every session's gate. Thread-safe. secrets: none.
/// </summary>
internal sealed class RequestBudget
{
    /// <summary>What a request takes besides its message, or a little more: its first buffers, its stream.</summary>
    internal const int CallSize = 16 * 1024;

    private const long BodyMilliseconds = 10_000;

    // Of many requests that come at once the last may push out the first before its rest, which is behind them, was read.
    private const long YoungMilliseconds = 1000;

    private readonly LinkedList<ServerCall> _incomplete = [];
    private readonly Lock _lock = new();
    private readonly CallCounters _counters;
    private long _left;

    /// <summary>Makes a budget.</summary>
    /// <param name="bytes">Of all requests together.</param>
    /// <param name="counters">Where requests that gave way are counted.</param>
    internal RequestBudget(int bytes, CallCounters counters)
    {
        _left = bytes;
        _counters = counters;
    }

    /// <summary>Bytes that nobody takes.</summary>
    internal long Left
    {
        get
        {
            lock (_lock)
            {
                return _left;
            }
        }
    }

    /// <summary>A request begins to arrive.</summary>
    /// <exception cref="FailureException">LimitReached: whole requests take everything.</exception>
    internal void Begin(ServerCall call)
    {
        Take(call, CallSize);
        lock (_lock)
        {
            call.Since = Environment.TickCount64;
            _incomplete.AddLast(call.Incomplete);
        }
    }

    /// <summary>Its message has that many bytes.</summary>
    /// <exception cref="FailureException">LimitReached, or it had to give way already.</exception>
    internal void Reserve(ServerCall call, int length) => Take(call, PinnedBuffers.SizeOf(length));

    /// <summary>It is whole.</summary>
    /// <returns>False when it had to give way already.</returns>
    internal bool TryComplete(ServerCall call)
    {
        lock (_lock)
        {
            if (call.Loss is not null)
            {
                return false;
            }

            _incomplete.Remove(call.Incomplete);
            return true;
        }
    }

    /// <summary>It holds nothing any more. May be called within its session's gate.</summary>
    internal void End(ServerCall call)
    {
        lock (_lock)
        {
            if (call.Incomplete.List is not null)
            {
                _incomplete.Remove(call.Incomplete);
            }

            _left += call.Charged;
            call.Charged = 0;
            call.Loss = null;
        }
    }

    /// <summary>Gives up what takes too long.</summary>
    internal void GiveUpSlow()
    {
        List<Victim> slow = [];
        lock (_lock)
        {
            while (_incomplete.First is { } oldest && Environment.TickCount64 - oldest.Value.Since >= BodyMilliseconds)
            {
                GiveWay(oldest.Value, new FailureException(FailureKind.TimedOut, $"the request was not whole after {BodyMilliseconds / 1000} s"), slow);
            }
        }

        Drop(slow);
    }

    // What has to give way has, when this returns.
    private void Take(ServerCall call, int bytes)
    {
        List<Victim> victims = [];
        try
        {
            lock (_lock)
            {
                while (call.Loss is null && _left < bytes)
                {
                    LinkedListNode<ServerCall>? oldest = _incomplete.First;
                    if (oldest?.Value == call)
                    {
                        oldest = oldest.Next;
                    }

                    if (oldest is null)
                    {
                        throw new FailureException(FailureKind.LimitReached, "the requests under way take all the memory there is for them: try again later");
                    }

                    GiveWay(oldest.Value, new FailureException(FailureKind.LimitReached, "the request was not whole yet when others needed its memory"), victims);
                }

                if (call.Loss is { } loss)
                {
                    throw loss;
                }

                _left -= bytes;
                call.Charged += bytes;
            }
        }
        finally
        {
            Drop(victims);
        }
    }

    private void GiveWay(ServerCall call, FailureException loss, List<Victim> victims)
    {
        _incomplete.Remove(call.Incomplete);
        _left += call.Charged;
        call.Charged = 0;
        call.Loss = loss;
        _counters.RequestGaveWay();
        if (call.Session is { } session)
        {
            victims.Add(new Victim(call, session, Environment.TickCount64 - call.Since < YoungMilliseconds));
        }
    }

    private static void Drop(List<Victim> victims)
    {
        foreach ((ServerCall call, ServerSession session, bool isYoung) in victims)
        {
            session.GiveWay(call, isYoung);
        }
    }

    private readonly record struct Victim(ServerCall Call, ServerSession Session, bool IsYoung);
}
