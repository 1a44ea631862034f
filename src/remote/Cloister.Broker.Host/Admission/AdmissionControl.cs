using System.Threading.RateLimiting;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Serving;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Admission;

/// <summary>
/// Who may have evidence looked at, decided before its body is read. Who shows the token of a lease has places that nobody else takes; strangers have
/// places of their own, so many for each source, and a source whose evidence was refused often has to wait. Thread-safe. secrets: tokens pass.
/// </summary>
internal sealed class AdmissionControl : IDisposable
{
    private const int Known = 1024;
    private const int Strangers = 128;
    private const int StrangersOfOneSource = 32;
    private const int WaitingOfOneSource = 512;

    private readonly TokenGate _tokens;
    private readonly ConcurrencyLimiter _known = new(Places(Known, 4096));
    private readonly ConcurrencyLimiter _strangers = new(Places(Strangers, 2048));
    private readonly PartitionedRateLimiter<string> _sources = PartitionedRateLimiter.Create<string, string>(
        source => RateLimitPartition.GetConcurrencyLimiter(source, _ => Places(StrangersOfOneSource, WaitingOfOneSource)));

    private readonly PartitionedRateLimiter<string> _refusals;
    private readonly PartitionedRateLimiter<string> _platforms;

    /// <summary>Admits within these limits.</summary>
    public AdmissionControl(LimitOptions limits, TokenGate tokens)
    {
        _tokens = tokens;
        _refusals = PerMinute(limits.RefusalsPerSource);
        _platforms = PerMinute(limits.PerPlatform);
    }

    /// <summary>Serves a request with a place for its caller. What is refused counts against where it came from.</summary>
    /// <exception cref="ProtocolException">The source has to wait, too many ask, or it is refused.</exception>
    public async Task RunAsync(HttpContext http, Func<Caller, Task> serve)
    {
        using Caller caller = await AdmitAsync(http);
        try
        {
            await serve(caller);
        }
        catch (ProtocolException e) when (e.Error != ProtocolError.Busy && caller.Lease is null)
        {
            _refusals.AttemptAcquire(caller.Source).Dispose();
            throw;
        }
    }

    /// <summary>Counts an acceptance against the platform.</summary>
    /// <exception cref="ProtocolException">It has had too many.</exception>
    public void Accept(AttestedEnclave enclave)
    {
        // Some hosts mask the identity with zeros, which would be one platform for all.
        using RateLimitLease counted = _platforms.AttemptAcquire(enclave.Platform.AsSpan().ContainsAnyExcept('0') ? enclave.Platform : enclave.Instance);
        if (!counted.IsAcquired)
        {
            throw new ProtocolException(ProtocolError.Busy, "this platform attests too often: try again in a minute (docs/broker.md, \"Against floods\")");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _known.Dispose();
        _strangers.Dispose();
        _sources.Dispose();
        _refusals.Dispose();
        _platforms.Dispose();
    }

    private async Task<Caller> AdmitAsync(HttpContext http)
    {
        string source = Source.Of(http.Connection.RemoteIpAddress);
        if (_tokens.FindLease(http.Request) is { } found)
        {
            ConnectionPlaces.Of(http)?.MarkKnown();
            return new Caller(source, found.Token, found.Lease, Taken(await _known.AcquireAsync(1, http.RequestAborted)));
        }

        // Whole permits: a part of one would let no refusal be counted.
        if (_refusals.GetStatistics(source)?.CurrentAvailablePermits < 1)
        {
            throw new ProtocolException(ProtocolError.Busy, "too much evidence from this address was refused: try again in a minute (docs/broker.md, \"Against floods\")");
        }

        RateLimitLease ofSource = Taken(await _sources.AcquireAsync(source, 1, http.RequestAborted));
        try
        {
            return new Caller(source, null, null, new Both(Taken(await _strangers.AcquireAsync(1, http.RequestAborted)), ofSource));
        }
        catch
        {
            ofSource.Dispose();
            throw;
        }
    }

    private static RateLimitLease Taken(RateLimitLease lease)
    {
        if (lease.IsAcquired)
        {
            return lease;
        }

        lease.Dispose();
        throw new ProtocolException(ProtocolError.Busy, "too much evidence waits to be verified: try again later, or another broker");
    }

    private static ConcurrencyLimiterOptions Places(int places, int waiting) =>
        new() { PermitLimit = places, QueueLimit = waiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst };

    // As many at once as in a minute, and evenly after that: so many a second, or one every so many seconds.
    private static PartitionedRateLimiter<string> PerMinute(int limit) => PartitionedRateLimiter.Create<string, string>(
        key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = limit,
            TokensPerPeriod = Math.Max(1, limit / 60),
            ReplenishmentPeriod = TimeSpan.FromSeconds(Math.Max(1, 60 / limit)),
            QueueLimit = 0,
        }));

    private sealed class Both(IDisposable first, IDisposable second) : IDisposable
    {
        public void Dispose()
        {
            first.Dispose();
            second.Dispose();
        }
    }
}
