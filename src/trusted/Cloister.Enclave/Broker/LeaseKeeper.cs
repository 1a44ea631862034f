using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Rpc;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Keeps a lease: asks for it, renews it, watches for changes, wipes its KEKs when it was revoked or its grace is over, and goes on asking.
/// Every wait has a random part, so that enclaves that started together do not ask together. secrets: the KEKs.
/// </summary>
internal sealed class LeaseKeeper : IAsyncDisposable
{
    private const int WatchSeconds = 50;

    private static readonly CustodyStatus None = CustodyStatus.Unavailable(StatusCode.Unavailable, "no lease from a broker: it is being asked for");

    private readonly Lock _changes = new();
    private readonly BrokerSession _session;
    private readonly SecretArena _arena;
    private readonly TimeProvider _time;
    private readonly EnclaveLog _log;
    private readonly bool _takesKeks;
    private readonly SealedLease? _sealed;
    private readonly ActiveFloor _floor = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Task[] _loops;
    private volatile HeldLease? _held;
    private volatile CustodyStatus _problem = None;
    private volatile BrokerException? _failure;
    private bool _mayRestore;
    private long _believed;

    /// <param name="session">Gets leases.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">Counts what has gone by.</param>
    /// <param name="log">Log.</param>
    /// <param name="takesKeks">False leaves KEKs that come with a lease unopened: they are used at the broker.</param>
    /// <param name="sealedLease">The copy for a start while no broker answers, or null for none.</param>
    internal LeaseKeeper(BrokerSession session, SecretArena arena, TimeProvider time, EnclaveLog log, bool takesKeks, SealedLease? sealedLease = null)
    {
        _session = session;
        _arena = arena;
        _time = time;
        _log = log;
        _takesKeks = takesKeks;
        _sealed = sealedLease;
        _mayRestore = sealedLease is not null;
        _loops = [Task.Run(RenewAsync), Task.Run(WatchAsync), Task.Run(WipeAsync)];
    }

    /// <summary>The lease of this moment; null before the first, after the grace of the last, and when it was revoked.</summary>
    internal HeldLease? Current => _held;

    /// <summary>Why there is no lease, or why it is not renewed.</summary>
    internal CustodyStatus Problem => _problem;

    /// <summary>True until a broker answered for the first time, or did not.</summary>
    internal bool IsPending => _held is null && _problem == None;

    /// <summary>Why the gateway has no new serving certificate; null when it has, or needs none.</summary>
    internal BrokerException? CertificateFailure { get; set; }

    /// <summary>What administration shows.</summary>
    internal LeaseReport Report => LeaseReport.Of(_session, _held, _failure ?? CertificateFailure);

    /// <summary>Cancelled when this ends.</summary>
    internal CancellationToken Stopping => _stop.Token;

    /// <summary>Renews now, unless the last attempt failed: then when its wait is over.</summary>
    internal void RenewSoon()
    {
        lock (_changes)
        {
            if (_wake.CurrentCount == 0)
            {
                _wake.Release();
            }
        }
    }

    /// <summary>Renews when the uses are nearly made.</summary>
    internal void Used(HeldLease held)
    {
        if (held.NearlyUsed && _held == held)
        {
            RenewSoon();
        }
    }

    /// <summary>Takes in what a broker answered to something else than a renewal: a revocation wipes at once.</summary>
    internal void Heard(BrokerException answer)
    {
        if (answer.Failure == BrokerFailure.Revoked)
        {
            Failed(answer);
        }

        if (answer.Failure is BrokerFailure.Revoked or BrokerFailure.LeaseOver)
        {
            RenewSoon();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        KeepForNextStart();
        Wipe();
        _wake.Dispose();
        _stop.Dispose();
    }

    private async Task RenewAsync()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await RenewOnceAsync();
                failures = 0;
            }
            catch (BrokerException e)
            {
                failures++;
                Failed(e);
                if (e.Failure == BrokerFailure.Unavailable)
                {
                    Restore();
                }
            }
            catch (Exception e)
            {
                // Whatever it was, the loop goes on: if it ended, so would the lease.
                failures++;
                if (!_stop.IsCancellationRequested)
                {
                    _log.Fault("renewing the lease", e);
                }
            }

            await PauseAsync(failures == 0 ? TimeSpan.FromMilliseconds(Jitter(200)) : Backoff(failures));
            if (failures == 0 && _held is { } held)
            {
                long left = held.Terms.RenewAfter - held.Now + Jitter((held.Terms.Expires - held.Terms.RenewAfter) / 10);
                using CancellationTokenSource due = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                Task pause = Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(left, 0, 3_600_000)), _time, due.Token);
                Task woken = _wake.WaitAsync(due.Token);
                await Task.WhenAny(pause, woken);
                await due.CancelAsync();
                await Task.WhenAll(pause, woken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async ValueTask RenewOnceAsync()
    {
        HeldLease? old = _held;
        bool renews = old is { IsRestored: false };
        LeaseUses reported = renews ? old!.Uses : default;
        LeaseGrant grant = await _session.RequestAsync(
            renews ? old!.Terms.Lease : "", reported, [.. (old?.Ring ?? KekRing.Empty).All.Select(kek => kek.KeyId)], _believed, _stop.Token);
        _floor.Check(grant.Terms);
        List<Kek> opened = _takesKeks ? LeasedKeys.Open(_session.Key, grant.Terms, grant.Keys, _arena) : [];
        lock (_changes)
        {
            // Wiped while the broker was asked: what it did not send again is gone.
            Dictionary<string, Kek> here = (_held?.Ring ?? KekRing.Empty).All.Concat(opened).DistinctBy(kek => kek.KeyId).ToDictionary(kek => kek.KeyId);
            LeasedVersion[] enabled = _takesKeks && grant.Terms.Release ? [.. grant.Terms.Versions.Where(version => version.Enabled)] : [];
            if (enabled.Any(version => !here.ContainsKey(version.KeyId)))
            {
                opened.ForEach(kek => kek.Dispose());
                throw new BrokerException(BrokerFailure.Refused, "keys", "the broker did not send every KEK version");
            }

            KekRing ring = new([.. enabled.Select(version => here[version.KeyId])], null);
            HeldLease held = new(grant, ring, _held, reported, _floor, _time);
            KekRing before = _held?.Ring ?? KekRing.Empty;
            _believed = grant.Terms.Time;
            _mayRestore = false;
            _log.Leased(renews ? "renewed" : "granted", held.Terms, _session.Client.Current);
            Hold(held);
            _problem = None;
            _failure = null;
            if (_takesKeks && held.ActiveAt(held.Now) is { } active && (old is null || old.ActiveAt(old.Now) != active))
            {
                _log.StatusChanged(KeyId.Format(active), CustodyStatus.Ok);
            }

            foreach (Kek gone in before.All.Concat(opened).Where(kek => !ring.All.Contains(kek)))
            {
                gone.Dispose();
            }
        }
    }

    // The sealed copy first: a use counts for every later start before it is made.
    private void Hold(HeldLease held)
    {
        held.SetAside = SetAside;
        Store(held, held.NextSetAside());
        _held = held;
    }

    private bool SetAside(HeldLease held)
    {
        lock (_changes)
        {
            return _held != held || !held.NeedsSetAside || Store(held, held.NextSetAside());
        }
    }

    private bool Store(HeldLease held, LeaseUses uses)
    {
        try
        {
            if (_sealed is not null && held.Ring.All.Count > 0)
            {
                _sealed.Save(held.Jws, held.Ring, held.Now, uses.Wraps, uses.Unwraps);
                held.AllowUpTo(uses);
                return true;
            }
        }
        catch (SealException e)
        {
            // Given up: what cannot be used by a later start needs no count.
            _log.SealedCopyGivenUp(e.Message);
            if (!_sealed!.Discard())
            {
                RenewSoon();
                return false;
            }
        }

        held.AllowUpTo(new LeaseUses(long.MaxValue, long.MaxValue));
        return true;
    }

    // Only before the first answer of a broker: one that refuses is to be obeyed.
    private void Restore()
    {
        lock (_changes)
        {
            if (!_mayRestore)
            {
                return;
            }

            _mayRestore = false;
            try
            {
                if (_sealed!.Load() is { } restored)
                {
                    HeldLease held = new(restored, _floor, _time);
                    _believed = restored.Terms.Time;
                    _log.Restored(held.Terms, held.Now);
                    Hold(held);
                }
            }
            catch (SealException e)
            {
                _log.SealedCopyRefused(e.Message);
            }
        }
    }

    // What was set aside and not used comes back to the next start.
    private void KeepForNextStart()
    {
        lock (_changes)
        {
            if (_sealed is not null && _held is { } held && held.Now < held.GraceEnd)
            {
                Store(held, held.Uses);
            }
        }
    }

    private void Failed(BrokerException failure)
    {
        _failure = failure;
        if (failure.Failure != BrokerFailure.Unavailable)
        {
            _mayRestore = false;
        }

        CustodyStatus problem = failure.Failure switch
        {
            BrokerFailure.Revoked => CustodyStatus.Unavailable(
                StatusCode.FailedPrecondition, $"the broker revoked this enclave, KEKs are wiped: lift the revocation there or replace the enclave ({failure.Message})"),
            BrokerFailure.Unavailable => CustodyStatus.Unavailable(StatusCode.Unavailable, $"no lease from a broker: {failure.Message}"),
            _ => CustodyStatus.Unavailable(StatusCode.FailedPrecondition, $"the broker gives no lease: {failure.Message}"),
        };
        bool changed = problem != _problem;

        // Before KEKs are wiped: who finds no lease finds the reason.
        _problem = problem;
        if (failure.Failure == BrokerFailure.Revoked)
        {
            Wipe();
            _sealed?.Discard();
        }

        if (changed)
        {
            _log.NotLeased(failure, _held);
        }
    }

    private async Task WatchAsync()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            if (_held is not { IsRestored: false } held)
            {
                await PauseAsync(TimeSpan.FromMilliseconds(250));
                continue;
            }

            try
            {
                WatchResponse answer = await _session.Client.WatchAsync(held.Token, new WatchRequest(held.Terms.Etag, WatchSeconds), _stop.Token);
                failures = 0;
                if (answer.Changed && _held == held)
                {
                    await PauseAsync(TimeSpan.FromMilliseconds(Jitter(2000)));
                    RenewSoon();
                    await PauseAsync(TimeSpan.FromSeconds(1));
                }
            }
            catch (BrokerException e)
            {
                failures++;
                Heard(e);
            }
            catch (Exception e)
            {
                failures++;
                if (!_stop.IsCancellationRequested)
                {
                    _log.Fault("watching the lease", e);
                }
            }

            if (failures > 0)
            {
                await PauseAsync(Backoff(failures));
            }
        }
    }

    private async Task WipeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await PauseAsync(TimeSpan.FromSeconds(1));
            lock (_changes)
            {
                if (_held is { } held && held.Now >= held.GraceEnd)
                {
                    Wipe();
                    _sealed?.Discard();
                    _log.LeaseOver(held.Terms.Lease);

                    // Long due, but a machine that slept has timers that did not.
                    RenewSoon();
                }
            }
        }
    }

    private void Wipe()
    {
        lock (_changes)
        {
            KekRing ring = _held?.Ring ?? KekRing.Empty;
            _held = null;
            foreach (Kek kek in ring.All)
            {
                kek.Dispose();
            }
        }
    }

    private async ValueTask PauseAsync(TimeSpan pause) =>
        await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private static long Jitter(long most) => RandomNumberGenerator.GetInt32((int)Math.Clamp(most, 1, int.MaxValue));

    // 1 s, doubled up to about a minute, less up to half of it.
    private static TimeSpan Backoff(int failures)
    {
        long most = 1000L << Math.Min(failures - 1, 6);
        return TimeSpan.FromMilliseconds(most - Jitter(most / 2));
    }
}
