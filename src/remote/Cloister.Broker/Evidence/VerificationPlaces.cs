using System.Threading.RateLimiting;
using Cloister.Collateral;

namespace Cloister.Broker.Evidence;

/// <summary>
/// How many verify at a time: strangers have places of their own, so that those who are known never wait for them. A place is held while something is
/// computed, not while collateral is waited for. Thread-safe.
/// </summary>
public sealed class VerificationPlaces : IDisposable
{
    private readonly ConcurrencyLimiter _known;
    private readonly ConcurrencyLimiter _strangers;

    /// <summary>Places.</summary>
    /// <param name="known">For known parties.</param>
    /// <param name="strangers">For strangers.</param>
    /// <param name="waiting">How many may wait for each kind.</param>
    public VerificationPlaces(int known, int strangers, int waiting)
    {
        _known = new ConcurrencyLimiter(Options(known, waiting));
        _strangers = new ConcurrencyLimiter(Options(strangers, waiting));
    }

    /// <summary>As many as suit this machine's processors.</summary>
    public static VerificationPlaces ForThisMachine() => new(4 * Environment.ProcessorCount, Environment.ProcessorCount, 2048);

    /// <summary>A place, until the answer is disposed; or null: too many wait.</summary>
    public async ValueTask<IDisposable?> TryAcquireAsync(Requester requester, CancellationToken cancellation)
    {
        RateLimitLease lease = await (requester == Requester.Known ? _known : _strangers).AcquireAsync(1, cancellation);
        if (lease.IsAcquired)
        {
            return lease;
        }

        lease.Dispose();
        return null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _known.Dispose();
        _strangers.Dispose();
    }

    private static ConcurrencyLimiterOptions Options(int places, int waiting) =>
        new() { PermitLimit = places, QueueLimit = waiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst };
}
