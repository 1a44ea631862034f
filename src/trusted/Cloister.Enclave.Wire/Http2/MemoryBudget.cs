using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>How much memory messages on their way may take together. Thread-safe. secrets: none.</summary>
internal sealed class MemoryBudget
{
    private readonly long _limit;
    private long _taken;

    internal MemoryBudget(long limit)
    {
        _limit = limit;
    }

    internal long Limit => _limit;

    internal long Taken => Volatile.Read(ref _taken);

    /// <exception cref="FailureException">LimitReached: there is not that much left.</exception>
    internal void Take(long bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) > _limit)
        {
            Interlocked.Add(ref _taken, -bytes);
            throw new FailureException(
                FailureKind.LimitReached, $"the gateway holds {_limit} bytes of messages already; try again later, read in pages, or raise gateway.memoryMiB");
        }
    }

    internal void Return(long bytes) => Interlocked.Add(ref _taken, -bytes);
}
