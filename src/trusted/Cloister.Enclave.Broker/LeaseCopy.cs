using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Keeps the sealed copy of a lease, away from whoever uses the lease: disk and platform are waited for on a thread of their own, and what they do not
/// do within a second holds up no revocation and no use. Before a use is made the copy counts it; where that does not succeed in time the copy is given
/// up: removed, and written again later. What fails is tried again until it works; nothing is removed but by <see cref="Discard"/> and by giving up.
/// secrets: refers to KEKs.
/// </summary>
internal sealed class LeaseCopy : IAsyncDisposable
{
    private const int MaxRetrySeconds = 32;
    private const string Stalled = "storage has not answered within a second";
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly SealedLease _file;
    private readonly TimeProvider _time;
    private readonly EnclaveLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Task _loop;
    private Due _due;
    private HeldLease? _held;
    private TaskCompletionSource? _waiting;
    private long _waitingSince;
    private int _failures;
    private string _reason = Stalled;
    private long _notBefore;

    /// <summary>Begins; nothing is due.</summary>
    /// <param name="file">The copy.</param>
    /// <param name="time">Counts what elapsed.</param>
    /// <param name="log">Log.</param>
    internal LeaseCopy(SealedLease file, TimeProvider time, EnclaveLog log)
    {
        _file = file;
        _time = time;
        _log = log;
        _loop = Task.Run(KeepAsync);
    }

    private enum Due
    {
        Nothing,

        /// <summary>The copy is to be replaced with the lease that is held.</summary>
        Save,

        /// <summary>What is on disk must go: it was revoked, is over, or does not count uses. A lease that is held is saved after that.</summary>
        Removal,
    }

    /// <summary>Reads the copy, on a thread of its own.</summary>
    /// <exception cref="SealException">As <see cref="SealedLease.Load"/>.</exception>
    internal Task<RestoredLease?> LoadAsync() => OnOwnThread(_file.Load);

    /// <summary>A lease is held from now on. Its uses wait for the copy, as far as the copy of the lease before does not count them already.</summary>
    internal void Keep(HeldLease held, HeldLease? previous)
    {
        lock (_lock)
        {
            if (held.Ring.All.Count == 0)
            {
                Discard();
                return;
            }

            bool counted = previous is not null && _held == previous && previous.Reserved != LeaseUses.Unlimited;
            held.ReserveUpTo(held.Uses + (counted ? previous!.Reserved - previous.Uses : default));
            _held = held;
            _notBefore = 0;
            Become(_due == Due.Removal ? Due.Removal : Due.Save);
        }
    }

    /// <summary>Reserves more uses ahead of need.</summary>
    internal void ReserveSoon(HeldLease held)
    {
        lock (_lock)
        {
            if (_due == Due.Nothing && _held == held)
            {
                Become(Due.Save);
            }
        }
    }

    /// <summary>Ends when uses of that budget are reserved, when nothing has to be reserved any more, or when the lease is another.</summary>
    internal Task ReservedAsync(HeldLease held, UseBudget budget)
    {
        lock (_lock)
        {
            if (_held != held || budget.Reserved > budget.Used)
            {
                return Task.CompletedTask;
            }

            if (_waiting is null)
            {
                _waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waitingSince = _time.GetTimestamp();
            }

            Become(_due == Due.Nothing ? Due.Save : _due);
            return _waiting.Task;
        }
    }

    /// <summary>The copy must go.</summary>
    internal void Discard()
    {
        lock (_lock)
        {
            _held = null;
            _notBefore = 0;
            Become(Due.Removal);
            ReleaseWaiting();
        }
    }

    /// <summary>Gives back to the next start what was reserved and not used, if storage lets it within two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(_loop, Task.Delay(LastWrite));
        lock (_lock)
        {
            ReleaseWaiting();
        }
    }

    private static Task<T> OnOwnThread<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    // One at a time: what hangs is waited for, since it may still write.
    private async Task KeepAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await ((Task)_wake.WaitAsync(LookInterval, _stop.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            GiveUpWhenWaitedFor();
            if (Next(out HeldLease? saved, out LeaseUses uses) is { } work)
            {
                Finish(saved, uses, await RunAsync(work));
            }
        }

        if (Last() is { } last)
        {
            await RunAsync(last);
        }
    }

    private Action? Next(out HeldLease? saved, out LeaseUses uses)
    {
        lock (_lock)
        {
            saved = _due == Due.Save && _time.GetTimestamp() >= _notBefore ? _held : null;
            uses = saved?.BeginReservation() ?? default;
            return saved is not null ? Saving(saved, uses)
                : _due == Due.Removal && _time.GetTimestamp() >= _notBefore ? _file.Remove
                : null;
        }
    }

    private Action? Last()
    {
        lock (_lock)
        {
            if (_held is not { } held || held.Now >= held.GraceEnd)
            {
                return _due == Due.Removal ? _file.Remove : null;
            }

            LeaseUses uses = held.Uses;
            held.ReserveUpTo(uses);
            return Saving(held, uses);
        }
    }

    private Action Saving(HeldLease held, LeaseUses uses) => () => _file.Save(held.Jws, held.Ring, held.Now, uses);

    private async Task<Exception?> RunAsync(Action work)
    {
        try
        {
            Task<bool> running = OnOwnThread(() =>
            {
                work();
                return true;
            });
            while (await Task.WhenAny(running, Task.Delay(LookInterval)) != running)
            {
                GiveUpWhenWaitedFor();
            }

            await running;
            return null;
        }
        catch (Exception e)
        {
            // Also a thread that cannot be started: whatever it was, it is tried again.
            return e;
        }
    }

    private void Finish(HeldLease? saved, LeaseUses uses, Exception? failure)
    {
        lock (_lock)
        {
            if (failure is null)
            {
                Succeeded(saved, uses);
            }
            else if (failure is not ObjectDisposedException)
            {
                // Disposed: the KEKs were wiped meanwhile, and then something else is due.
                Failed(failure);
            }
        }
    }

    private void Succeeded(HeldLease? saved, LeaseUses uses)
    {
        if (_failures > 0)
        {
            _log.SealedCopyChanged();
        }

        _failures = 0;
        _reason = Stalled;
        if (saved is not null && _due == Due.Save && _held == saved)
        {
            saved.ReserveUpTo(uses);
            Become(saved.NeedsReservation ? Due.Save : Due.Nothing);
            ReleaseWaiting();
        }
        else if (saved is null && _due == Due.Removal)
        {
            bool wasGivenUp = _held is not null && _held.Reserved == LeaseUses.Unlimited;
            _notBefore = wasGivenUp ? After(MaxRetrySeconds) : 0;
            Become(_held is null ? Due.Nothing : Due.Save);
        }
    }

    private void Failed(Exception failure)
    {
        _reason = failure is SealException ? failure.Message : $"the sealed copy cannot be changed ({failure.GetType().Name})";
        if (_failures++ == 0)
        {
            _log.SealedCopyNotChanged(_reason);
        }

        _notBefore = After(Math.Min(MaxRetrySeconds, 1 << Math.Min(_failures - 1, 5)));
    }

    private void GiveUpWhenWaitedFor()
    {
        lock (_lock)
        {
            if (_waiting is null || _time.GetElapsedTime(_waitingSince) < LongestWait)
            {
                return;
            }

            _held?.ReserveUpTo(LeaseUses.Unlimited);
            _log.SealedCopyGivenUp(_reason);
            _notBefore = 0;
            Become(Due.Removal);
            ReleaseWaiting();
        }
    }

    private void ReleaseWaiting()
    {
        _waiting?.TrySetResult();
        _waiting = null;
    }

    private void Become(Due due)
    {
        _due = due;
        if (due != Due.Nothing && _wake.CurrentCount == 0)
        {
            _wake.Release();
        }
    }

    private long After(int seconds) => _time.GetTimestamp() + (seconds * _time.TimestampFrequency);
}
