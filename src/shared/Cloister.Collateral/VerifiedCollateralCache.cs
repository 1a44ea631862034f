using System.Collections.Concurrent;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>
/// Keeps verified collateral by platform model. It honours nextUpdate, uses what it has while the source is away, and never goes back to a lower tcbEvaluationDataNumber of TCB info or QE identity, so that nobody who can
/// answer in the source's place can bring back a TCB level that was good once. A failure is remembered for a while, and only so many. Safe to use from many threads; one fetch at a time
/// for each model, and few at a time for strangers.
/// </summary>
public sealed class VerifiedCollateralCache
{
    private readonly IDcapCollateralSource _source;
    private readonly TrustAnchors _anchors;
    private readonly VerifiedCollateralCacheOptions _options;
    private readonly ITcbEvaluationFloor _floor;
    private readonly ConcurrentDictionary<DcapCollateralKey, Entry> _entries = new();
    private readonly NegativeCache<DcapCollateralKey> _failures;
    private int _fetchesForStrangers;

    /// <summary>A cache before <paramref name="source"/>.</summary>
    /// <param name="source">Where collateral comes from.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="options">How long collateral is kept.</param>
    /// <param name="floor">Numbers seen before; null: those that this cache sees.</param>
    public VerifiedCollateralCache(IDcapCollateralSource source, TrustAnchors anchors, VerifiedCollateralCacheOptions? options = null, ITcbEvaluationFloor? floor = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(anchors);
        _source = source;
        _anchors = anchors;
        _options = options ?? new VerifiedCollateralCacheOptions();
        _floor = floor ?? new TcbEvaluationFloor();
        _failures = new NegativeCache<DcapCollateralKey>(_options.MaximumEntries);
    }

    /// <summary>What it holds that was verified, by platform model, and since when. Some of it may be overdue.</summary>
    public IReadOnlyList<(DcapCollateralKey Key, VerifiedDcapCollateral Collateral, DateTimeOffset FetchedAt)> All =>
        [.. _entries.Where(one => one.Value.Last is not null).Select(one => (one.Key, one.Value.Last!, one.Value.FetchedAt))];

    /// <summary>How many platform models it holds, those that are fetched just now included.</summary>
    public int Count => _entries.Count;

    /// <summary>What is here and need not be fetched; or null. Asks nobody, so it may be asked about what is not verified yet.</summary>
    public VerifiedDcapCollateral? Find(DcapCollateralKey key, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(time);
        return _entries.TryGetValue(key, out Entry? entry) ? entry.Fresh(time, _options) : null;
    }

    /// <summary>Verified collateral for a platform model, valid at <paramref name="time"/>.</summary>
    /// <param name="key">The model. To be taken from evidence whose signatures hold: it goes to the source, and takes a place here.</param>
    /// <param name="time">When it must be valid.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <param name="requester">For whom.</param>
    /// <exception cref="CollateralException">There is none that is valid.</exception>
    public async Task<VerifiedDcapCollateral> GetAsync(
        DcapCollateralKey key, VerificationTime time, CancellationToken cancellationToken, Requester requester = Requester.Known)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(time);
        if (_failures.Find(key, time.Value) is { } failed)
        {
            throw failed;
        }

        Entry entry = _entries.GetOrAdd(key, _ => new Entry());
        if (entry.Fresh(time, _options) is { } fresh)
        {
            return fresh;
        }

        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            // Whoever waited may find that it failed meanwhile, and need not ask again.
            return entry.Fresh(time, _options) ?? (_failures.Find(key, time.Value) is { } meanwhile ? throw meanwhile : await FetchAsync(entry, key, time, requester, cancellationToken));
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    private async Task<VerifiedDcapCollateral> FetchAsync(Entry entry, DcapCollateralKey key, VerificationTime time, Requester requester, CancellationToken cancellationToken)
    {
        if (requester == Requester.Known)
        {
            return await FetchAsync(entry, key, time, cancellationToken);
        }

        try
        {
            return Interlocked.Increment(ref _fetchesForStrangers) <= _options.FetchesForStrangers
                ? await FetchAsync(entry, key, time, cancellationToken)
                : throw new CollateralException("busy", "collateral for other platform models is being fetched: try again later");
        }
        finally
        {
            Interlocked.Decrement(ref _fetchesForStrangers);
        }
    }

    private async Task<VerifiedDcapCollateral> FetchAsync(Entry entry, DcapCollateralKey key, VerificationTime time, CancellationToken cancellationToken)
    {
        try
        {
            DcapCollateral fetched = await _source.GetAsync(key, cancellationToken);
            VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(fetched, _anchors, time, out StepFailure? failure)
                ?? throw new CollateralException("not_authentic", $"collateral for {key.Fmspc} does not verify: {failure}");
            TcbEvaluationNumbers numbers = new(verified.TcbInfoEvaluationDataNumber, verified.QeIdentityEvaluationDataNumber);
            TcbEvaluationNumbers seen = await _floor.RaiseAsync(key, numbers, cancellationToken);
            if (numbers.AreBelow(seen))
            {
                throw new CollateralException(
                    "rollback",
                    $"collateral for {key.Fmspc} has tcbEvaluationDataNumber {numbers.TcbInfo} (TCB info) and {numbers.QeIdentity} (QE identity), {seen.TcbInfo} and {seen.QeIdentity} were seen before");
            }

            entry.Set(verified, time.Value);
            _entries[key] = entry; // another one's failure may have taken it out
            _failures.Remove(key);
            Evict();
            return verified;
        }
        catch (CollateralException) when (entry.Valid(time) is not null)
        {
            entry.LastFailure = time.Value;
            return entry.Valid(time)!;
        }
        catch (OperationCanceledException) when (entry.Valid(time) is null)
        {
            _entries.TryRemove(KeyValuePair.Create(key, entry));
            throw;
        }
        catch (CollateralException e)
        {
            // Nothing is kept of it but the failure.
            _entries.TryRemove(KeyValuePair.Create(key, entry));
            _failures.Add(key, e, time.Value, e.Code is "http_status" or "absent" ? _options.AbsentFor : _options.FailureFor);
            throw;
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

        public VerifiedDcapCollateral? Last => Volatile.Read(ref _collateral);

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
