using System.Collections.Concurrent;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>
/// Keeps verified collateral by platform model. It honours nextUpdate, uses what it has while the source is away, and never goes back to a lower tcbEvaluationDataNumber, so that nobody who can
/// answer in the source's place can bring back a TCB level that was good once. Safe to use from many threads; one fetch at a time for each model.
/// </summary>
public sealed class VerifiedCollateralCache
{
    private readonly IDcapCollateralSource _source;
    private readonly TrustAnchors _anchors;
    private readonly VerifiedCollateralCacheOptions _options;
    private readonly TcbEvaluationFloor _floor;
    private readonly ConcurrentDictionary<DcapCollateralKey, Entry> _entries = new();

    /// <summary>A cache before <paramref name="source"/>.</summary>
    /// <param name="source">Where collateral comes from.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="options">How long collateral is kept.</param>
    /// <param name="floor">Numbers seen before; null for none. To be kept over restarts by the caller.</param>
    public VerifiedCollateralCache(IDcapCollateralSource source, TrustAnchors anchors, VerifiedCollateralCacheOptions? options = null, TcbEvaluationFloor? floor = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(anchors);
        _source = source;
        _anchors = anchors;
        _options = options ?? new VerifiedCollateralCacheOptions();
        _floor = floor ?? new TcbEvaluationFloor();
    }

    /// <summary>Verified collateral for a platform model, valid at <paramref name="time"/>.</summary>
    /// <exception cref="CollateralException">There is none that is valid.</exception>
    public async Task<VerifiedDcapCollateral> GetAsync(DcapCollateralKey key, VerificationTime time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(time);
        Entry entry = _entries.GetOrAdd(key, _ => new Entry());
        if (entry.Fresh(time, _options) is { } fresh)
        {
            return fresh;
        }

        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            return entry.Fresh(time, _options) ?? await FetchAsync(entry, key, time, cancellationToken);
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    private async Task<VerifiedDcapCollateral> FetchAsync(Entry entry, DcapCollateralKey key, VerificationTime time, CancellationToken cancellationToken)
    {
        try
        {
            DcapCollateral fetched = await _source.GetAsync(key, cancellationToken);
            VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(fetched, _anchors, time, out StepFailure? failure)
                ?? throw new CollateralException("not_authentic", $"collateral for {key.Fmspc} does not verify: {failure}");
            int least = Math.Max(_options.MinimumTcbEvaluationDataNumber, _floor.For(key));
            if (verified.TcbEvaluationDataNumber < least)
            {
                throw new CollateralException("rollback", $"collateral for {key.Fmspc} has tcbEvaluationDataNumber {verified.TcbEvaluationDataNumber}, {least} was seen before");
            }

            _floor.Raise(key, verified.TcbEvaluationDataNumber);
            entry.Set(verified, time.Value);
            Evict();
            return verified;
        }
        catch (CollateralException) when (entry.Valid(time) is not null)
        {
            entry.LastFailure = time.Value;
            return entry.Valid(time)!;
        }
    }

    private void Evict()
    {
        while (_entries.Count > _options.MaximumEntries)
        {
            KeyValuePair<DcapCollateralKey, Entry> oldest = _entries.MinBy(e => e.Value.FetchedAt);
            _entries.TryRemove(oldest);
        }
    }

    private sealed class Entry
    {
        private VerifiedDcapCollateral? _collateral;

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public DateTimeOffset FetchedAt { get; private set; }

        public DateTimeOffset? LastFailure { get; set; }

        public void Set(VerifiedDcapCollateral collateral, DateTimeOffset at)
        {
            FetchedAt = at;
            LastFailure = null;
            Volatile.Write(ref _collateral, collateral);
        }

        /// <summary>What is there, when no part of it is overdue.</summary>
        public VerifiedDcapCollateral? Valid(VerificationTime time) =>
            Volatile.Read(ref _collateral) is { } collateral && time.Value <= collateral.NextUpdate ? collateral : null;

        /// <summary>What is there, when it need not be fetched again now.</summary>
        public VerifiedDcapCollateral? Fresh(VerificationTime time, VerifiedCollateralCacheOptions options)
        {
            bool refresh = time.Value - FetchedAt > options.RefreshAfter || time.Value < FetchedAt;
            bool waiting = LastFailure is { } failed && time.Value - failed < options.RetryAfter && time.Value >= failed;
            return refresh && !waiting ? null : Valid(time);
        }
    }
}
