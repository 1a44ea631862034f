using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Holds the lease of this moment and says how it ends: revoked and over take effect here, at once, under a lock that nobody holds while he waits for
/// disk, network, device or log. <see cref="LeaseRenewer"/> asks brokers, <see cref="LeaseCopy"/> keeps the sealed copy. Thread-safe. secrets: the KEKs.
/// </summary>
internal sealed class LeaseManager : IAsyncDisposable
{
    private static readonly CustodyStatus NotAnswered = CustodyStatus.Unavailable(StatusReason.NoLease, FailureKind.Unavailable, "no lease from a broker: it is being asked for");
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly BrokerSession _session;
    private readonly TimeProvider _time;
    private readonly EnclaveLog _log;
    private readonly bool _receivesKeks;
    private readonly LeaseCopy? _copy;
    private readonly ActiveFloor _floor = new();
    private readonly AuditWatch _audit = new();
    private readonly RenewalCounts _counts = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly LeaseRenewer _renewer;
    private readonly Task _watch;
    private State _state = State.Unanswered;
    private volatile HeldLease? _held;
    private volatile CustodyStatus _problem = NotAnswered;
    private volatile BrokerException? _failure;
    private Task _restoring = Task.CompletedTask;
    private long _believed;
    private long _revocations;

    /// <summary>Starts asking for a lease.</summary>
    /// <param name="session">Gets leases.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">Counts what elapsed, also while the machine is suspended.</param>
    /// <param name="log">Log.</param>
    /// <param name="receivesKeks">False leaves KEKs that come with a lease unopened: they are used at the broker.</param>
    /// <param name="sealedLease">The copy for a start while no broker answers, or null for none.</param>
    internal LeaseManager(BrokerSession session, SecretArena arena, TimeProvider time, EnclaveLog log, bool receivesKeks, SealedLease? sealedLease = null)
    {
        _session = session;
        _time = time;
        _log = log;
        _receivesKeks = receivesKeks;
        if (sealedLease is not null)
        {
            log.LeaseIsSealed(sealedLease.Location);
            _copy = new LeaseCopy(sealedLease, time, log);
        }

        _renewer = new LeaseRenewer(this, session, arena, time, log, receivesKeks, _stop.Token);
        _renewer.Start();
        _watch = Task.Run(EndWhenOverAsync);
    }

    private enum State
    {
        /// <summary>No broker answered in this life: only now a sealed copy may serve, since one that refuses is to be obeyed.</summary>
        Unanswered,

        /// <summary>A lease of the sealed copy is held.</summary>
        Restored,

        /// <summary>A broker's lease is held.</summary>
        Leased,

        /// <summary>None is held: refused, or over.</summary>
        None,

        /// <summary>None is held: revoked.</summary>
        Revoked,
    }

    /// <summary>The lease of this moment; null before the first, after the grace of the last, and when it was revoked.</summary>
    internal HeldLease? Current => _held;

    /// <summary>Why there is no lease, or why it is not renewed.</summary>
    internal CustodyStatus Problem => _problem;

    /// <summary>True until a broker answered for the first time, or did not.</summary>
    internal bool IsPending => _held is null && _problem == NotAnswered;

    /// <summary>Why the gateway has no new serving certificate; null when it has, or needs none.</summary>
    internal BrokerException? CertificateFailure { get; set; }

    /// <summary>What administration shows.</summary>
    internal LeaseReport Report
    {
        get
        {
            BrokerException? failure = _failure ?? CertificateFailure;
            LeaseReport report = new()
            {
                Broker = _session.Client.Current,
                Kek = _session.Kek,
                FailedStep = failure?.Step ?? "",
                Failure = failure?.Message ?? "",
                KeepsSealedCopy = _copy is not null,
                Brokers = _session.Client.Reach,
                AuditSize = _audit.Size,
                AuditWentBack = _audit.WentBack,
                Renewals = _counts.Granted,
                Failures = _counts.Failures,
            };
            return _held is { } held ? report.With(held) : report;
        }
    }

    /// <summary>Cancelled when this ends.</summary>
    internal CancellationToken Stopping => _stop.Token;

    /// <summary>The last time of a broker that was believed, milliseconds since 1970.</summary>
    internal long Believed => Volatile.Read(ref _believed);

    /// <summary>How often this was revoked: a lease that was asked for before the last time is not taken.</summary>
    internal long Revocations => Volatile.Read(ref _revocations);

    /// <summary>To be called after each use: reserves more, and renews when a budget is nearly used up.</summary>
    internal void OnUsed(HeldLease held)
    {
        if (held.NeedsReservation)
        {
            _copy?.ReserveSoon(held);
        }

        if (held.IsNearlyUsed && _held == held)
        {
            _renewer.RenewForUses();
        }
    }

    /// <summary>Waits for uses of that budget, at most a second: then they are reserved, or the sealed copy is given up.</summary>
    internal Task ReservedAsync(HeldLease held, UseBudget budget, CancellationToken cancellation) =>
        _copy?.ReservedAsync(held, budget).WaitAsync(cancellation) ?? Task.CompletedTask;

    /// <summary>Renews since a stored value names a KEK that is not here. Whoever writes etcd causes this: not more often than uses may.</summary>
    internal void RenewSoon() => _renewer.RenewForUses();

    /// <summary>Takes in what a broker answered to something else than a renewal: a revocation wipes at once.</summary>
    internal void OnBrokerError(BrokerException answer)
    {
        if (answer.Failure == BrokerFailure.Revoked)
        {
            Fail(answer);
            _renewer.Renew();
        }
        else if (answer.Failure == BrokerFailure.LeaseOver)
        {
            _renewer.RenewForUses();
        }
    }

    /// <summary>Takes a lease.</summary>
    /// <param name="grant">The lease.</param>
    /// <param name="opened">KEKs that came with it; owned from now on.</param>
    /// <param name="renewed">The lease that it renews or replaces, or null.</param>
    /// <param name="reported">Uses that the request reported.</param>
    /// <param name="revocations">What <see cref="Revocations"/> was before it was asked for.</param>
    /// <exception cref="BrokerException">It is not taken.</exception>
    internal void Grant(LeaseGrant grant, List<Kek> opened, HeldLease? renewed, LeaseUses reported, long revocations)
    {
        lock (_lock)
        {
            // Wiped while the broker was asked: what it did not send again is gone.
            Dictionary<string, Kek> here = (_held?.Ring ?? KekRing.Empty).All.Concat(opened).DistinctBy(kek => kek.KeyId).ToDictionary(kek => kek.KeyId);
            LeasedVersion[] enabled = _receivesKeks && grant.Terms.Release ? [.. grant.Terms.Versions.Where(version => version.Enabled)] : [];
            BrokerException? refusal = revocations != _revocations ? new BrokerException(BrokerFailure.Revoked, "lease", "it was revoked while it was asked for")
                : enabled.Any(version => !here.ContainsKey(version.KeyId)) ? new BrokerException(BrokerFailure.Refused, "keys", "the broker did not send every KEK version")
                : _floor.Refuse(grant.Terms) is { } reason ? new BrokerException(BrokerFailure.Refused, "lease", reason)
                : null;
            if (refusal is not null)
            {
                opened.ForEach(kek => kek.Dispose());
                throw refusal;
            }

            HeldLease held = new(grant, new KekRing([.. enabled.Select(version => here[version.KeyId])], null), _held, reported, _floor, _time);
            LeaseTerms terms = held.Terms;
            _log.Leased(
                renewed is { IsRestored: false } ? "renewed" : "granted", terms.Lease, terms.Kek, _session.Client.Current, terms.Expires, terms.RenewAfter, terms.Wraps, terms.Unwraps);
            if (_receivesKeks && held.ActiveAt(held.Now) is { } active && (renewed is null || renewed.ActiveAt(renewed.Now) != active))
            {
                _log.StatusChanged(KeyId.Format(active), CustodyStatus.Ok);
            }

            _believed = grant.Terms.Time;
            _audit.Observe(grant.Terms.Audit, _log);
            _failure = null;
            _counts.OnGranted();
            _copy?.Keep(held, _held);
            Become(State.Leased, held, NotAnswered);
            foreach (Kek kek in opened.Where(kek => !held.Ring.All.Contains(kek)))
            {
                kek.Dispose();
            }
        }
    }

    /// <summary>Takes in that a broker gives no lease.</summary>
    internal void Fail(BrokerException failure)
    {
        CustodyStatus problem = failure.Failure switch
        {
            BrokerFailure.Revoked => CustodyStatus.Unavailable(
                StatusReason.Revoked, FailureKind.NotReady, $"the broker revoked this enclave, KEKs are wiped: lift the revocation there or replace the enclave ({failure.Message})"),
            BrokerFailure.Unavailable => CustodyStatus.Unavailable(StatusReason.NoLease, FailureKind.Unavailable, $"no lease from a broker: {failure.Message}"),
            BrokerFailure.Fault => CustodyStatus.Unavailable(StatusReason.Fault, FailureKind.Unavailable, $"no lease, for a fault of this enclave: {failure.Message}"),
            _ => CustodyStatus.Unavailable(StatusReason.NoLease, FailureKind.NotReady, $"the broker gives no lease: {failure.Message}"),
        };
        _counts.OnFailed(failure.Step);
        bool changed = problem != _problem;
        HeldLease? held;
        lock (_lock)
        {
            _failure = failure;
            if (failure.Failure == BrokerFailure.Revoked)
            {
                _revocations++;
                Become(State.Revoked, null, problem);
                _copy?.Discard();
            }
            else
            {
                // A lease that is held goes on until its end.
                State next = _state == State.Unanswered && !failure.IsUnanswered ? State.None : _state;
                Become(next, _held, problem);
            }

            held = _held;
        }

        if (changed)
        {
            _log.NotLeased(failure.Step, failure.Message, held?.Terms.Lease, held?.Terms.Expires ?? 0);
        }
    }

    /// <summary>Takes the lease of the sealed copy, when no broker answered in this life. Waits a second; a copy that comes later still counts.</summary>
    internal async Task RestoreAsync()
    {
        if (_copy is not null && _state == State.Unanswered && _restoring.IsCompleted)
        {
            _restoring = LoadAsync(_copy);
        }

        await Task.WhenAny(_restoring, Task.Delay(TimeSpan.FromSeconds(1)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _renewer.DisposeAsync();
        await _watch;
        if (_copy is not null)
        {
            await _copy.DisposeAsync();
        }

        lock (_lock)
        {
            Become(State.None, null, _problem);
        }

        _stop.Dispose();
    }

    private async Task LoadAsync(LeaseCopy copy)
    {
        try
        {
            if (await copy.LoadAsync() is { } restored)
            {
                Restore(copy, restored);
            }
        }
        catch (SealException e)
        {
            _log.SealedCopyRefused(e.Message);
            lock (_lock)
            {
                // What passes is tried again with the next attempt to get a lease.
                _state = _state == State.Unanswered && !e.IsTransient ? State.None : _state;
            }
        }
        catch (Exception e)
        {
            _log.Fault("reading the sealed copy", e);
        }
    }

    private void Restore(LeaseCopy copy, RestoredLease restored)
    {
        lock (_lock)
        {
            if (_state != State.Unanswered || _stop.IsCancellationRequested)
            {
                foreach (Kek kek in restored.Ring.All)
                {
                    kek.Dispose();
                }

                return;
            }

            HeldLease held = new(restored, _floor, _time);
            _believed = restored.Terms.Time;
            _audit.Observe(restored.Terms.Audit, _log);
            _log.Restored(held.Terms.Lease, held.Terms.Kek, held.Now, held.Terms.Expires);
            copy.Keep(held, null);
            Become(State.Restored, held, _problem);
        }
    }

    private async Task EndWhenOverAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(LookInterval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_lock)
            {
                if (_held is not { } held)
                {
                    continue;
                }

                held.HoldTime();
                if (held.Now >= held.GraceEnd)
                {
                    Become(State.None, null, _problem);
                    _copy?.Discard();
                    _log.LeaseOver(held.Terms.Lease);
                    _renewer.Renew();
                }
            }
        }
    }

    // The one transition, under the lock. Whoever finds no lease finds the reason: it comes first. KEKs that the next lease does not have are wiped.
    private void Become(State state, HeldLease? held, CustodyStatus problem)
    {
        KekRing before = _held?.Ring ?? KekRing.Empty;
        _problem = problem;
        _state = state;
        _held = held;
        foreach (Kek kek in before.All.Where(kek => held?.Ring.All.Contains(kek) != true))
        {
            kek.Dispose();
        }
    }
}
