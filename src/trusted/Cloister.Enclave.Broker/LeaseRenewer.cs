using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Asks brokers for leases and renews them: when half of a lease is over, when a budget is nearly used up, when a broker says that something changed, and
/// again after every failure. Every wait has a random part, so that enclaves that started together do not ask together, and looks at the clock every
/// second, since timers stand still while the machine is suspended. However small a budget, renewals have a second between them, and the more the more
/// often uses cause them. secrets: KEKs pass through.
/// </summary>
internal sealed class LeaseRenewer : IAsyncDisposable
{
    private const int WatchSeconds = 50;
    private const int MaxRestSeconds = 32;
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongLived = TimeSpan.FromSeconds(60);

    // A minute at most until a broker that is away is known: quiet, an interval with a random part in which others take ten seconds, and its own ten seconds.
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(25);

    private readonly LeaseManager _leases;
    private readonly BrokerSession _session;
    private readonly SecretArena _arena;
    private readonly TimeProvider _time;
    private readonly EnclaveLog _log;
    private readonly bool _receivesKeks;
    private readonly CancellationToken _stop;
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _lock = new();
    private Task _ended = Task.CompletedTask;
    private bool _usesRanOut;

    /// <summary>Makes one that does nothing before it is started.</summary>
    /// <param name="leases">Holds what comes.</param>
    /// <param name="session">Gets leases.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">Counts what elapsed.</param>
    /// <param name="log">Log.</param>
    /// <param name="receivesKeks">As in <see cref="LeaseManager"/>.</param>
    /// <param name="stop">Ends it.</param>
    internal LeaseRenewer(
        LeaseManager leases, BrokerSession session, SecretArena arena, TimeProvider time, EnclaveLog log, bool receivesKeks, CancellationToken stop)
    {
        _leases = leases;
        _session = session;
        _arena = arena;
        _time = time;
        _log = log;
        _receivesKeks = receivesKeks;
        _stop = stop;
    }

    /// <summary>Begins to ask. Once.</summary>
    internal void Start() => _ended = Task.WhenAll(Task.Run(RenewAsync), Task.Run(WatchAsync), Task.Run(ProbeAsync));

    /// <summary>Waits for its end, after it was stopped.</summary>
    public async ValueTask DisposeAsync() => await _ended;

    /// <summary>Renews now, unless the last attempt failed: then when its wait is over.</summary>
    internal void Renew() => Wake(usesRanOut: false);

    /// <summary>The same because of uses; not more often than is good for brokers.</summary>
    internal void RenewForUses() => Wake(usesRanOut: true);

    private void Wake(bool usesRanOut)
    {
        lock (_lock)
        {
            _usesRanOut |= usesRanOut;
            if (_wake.CurrentCount == 0)
            {
                _wake.Release();
            }
        }
    }

    private async Task RenewAsync()
    {
        int failures = 0;
        int rests = 0;
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
                _leases.Fail(e);
                if (e.IsUnanswered)
                {
                    await _leases.RestoreAsync();
                }
            }
            catch (Exception e)
            {
                // Whatever it was, the loop goes on: if it ended, so would the lease.
                failures++;
                if (!_stop.IsCancellationRequested)
                {
                    _log.Fault("renewing the lease", e);
                    _leases.Fail(new BrokerException(BrokerFailure.Fault, "lease", $"fault of this program: {e.GetType().Name}"));
                }
            }

            if (failures > 0)
            {
                await PauseAsync(Backoff(failures));
            }
            else if (_leases.Current is { } held)
            {
                long renewedAt = _time.GetTimestamp();
                bool usesRanOut = await DueAsync(held, TimeSpan.FromSeconds(Math.Min(MaxRestSeconds, 1 << Math.Min(rests, 5))));
                rests = usesRanOut && _time.GetElapsedTime(renewedAt) < LongLived ? rests + 1 : 0;
            }
        }
    }

    // When the lease wants it, when it is gone, or when it was asked for and the rest is over. Never within a second of the last.
    private async Task<bool> DueAsync(HeldLease held, TimeSpan rest)
    {
        long start = _time.GetTimestamp();
        long due = held.Terms.RenewAfter + KernelRandom.Below(Math.Clamp((held.Terms.Expires - held.Terms.RenewAfter) / 10, 1, int.MaxValue));
        TakeWake();
        await PauseAsync(TimeSpan.FromMilliseconds(1000 + KernelRandom.Below(200)));

        // Nearly used up from the start: uses that were made while it was asked for count against it.
        bool asked = held.IsNearlyUsed;
        while (!_stop.IsCancellationRequested && held.Now < due && _leases.Current == held && !(asked && _time.GetElapsedTime(start) >= rest))
        {
            Task<bool> woken = _wake.WaitAsync(asked ? ShortInterval : LookInterval, _stop);
            await ((Task)woken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            asked |= (woken.IsCompletedSuccessfully && woken.Result) || held.IsNearlyUsed;
        }

        return TakeWake() || held.IsNearlyUsed;
    }

    // Whether uses were the reason.
    private bool TakeWake()
    {
        lock (_lock)
        {
            _wake.Wait(0);
            bool usesRanOut = _usesRanOut;
            _usesRanOut = false;
            return usesRanOut;
        }
    }

    private async ValueTask RenewOnceAsync()
    {
        long revocations = _leases.Revocations;
        HeldLease? old = _leases.Current;
        bool renews = old is { IsRestored: false };
        LeaseUses reported = renews ? old!.Uses : default;
        LeaseGrant grant = await _session.RequestAsync(
            renews ? old!.Terms.Lease : "", reported, [.. (old?.Ring ?? KekRing.Empty).All.Select(kek => kek.KeyId)], _leases.Believed, _stop);
        List<Kek> opened = _receivesKeks ? LeasedKeys.Open(_session.Key, grant.Terms, grant.Keys, _arena) : [];
        _leases.Grant(grant, opened, old, reported, revocations);
    }

    private async Task WatchAsync()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            if (_leases.Current is not { IsRestored: false } held)
            {
                await PauseAsync(TimeSpan.FromMilliseconds(250));
                continue;
            }

            try
            {
                WatchResponse answer = await _session.Client.WatchAsync(held.Token, new WatchRequest(held.Terms.Etag, WatchSeconds), _stop);
                failures = 0;
                if (answer.Changed && _leases.Current == held)
                {
                    await PauseAsync(TimeSpan.FromMilliseconds(KernelRandom.Below(2000)));
                    Renew();
                    await PauseAsync(TimeSpan.FromSeconds(1));
                }
            }
            catch (BrokerException e)
            {
                failures++;
                _leases.OnBrokerError(e);
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

    // Between renewals nobody else asks all brokers. What they answer is dropped: leases, revocations and the order of brokers do not depend on it.
    private async Task ProbeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await PauseAsync(ProbeInterval + TimeSpan.FromMilliseconds(KernelRandom.Below(3000)));
            try
            {
                await _session.ProbeAsync(QuietTime, _stop);
            }
            catch (Exception e)
            {
                if (!_stop.IsCancellationRequested)
                {
                    _log.Fault("asking whether brokers answer", e);
                }
            }
        }
    }

    private async ValueTask PauseAsync(TimeSpan pause) => await Task.Delay(pause, _time, _stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // 1 s, doubled up to about a minute, less up to half of it.
    private static TimeSpan Backoff(int failures)
    {
        long most = 1000L << Math.Min(failures - 1, 6);
        return TimeSpan.FromMilliseconds(most - KernelRandom.Below(most / 2));
    }
}
