using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Asks the database every half second for the revocations and the KEKs that somebody watches, and tells all watchers at once when something changed,
/// whichever broker changed it. However many watch, it asks once for each KEK. Thread-safe.
/// </summary>
internal sealed class ChangeFeed(IBrokerState state, RevocationList revocations, BrokerLog log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, Watched> _keks = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private TaskCompletionSource _change = NewChange();

    /// <summary>Ends at the next change. To be taken before the state is looked at.</summary>
    public Task NextChange => Volatile.Read(ref _change).Task;

    /// <summary>The revocations as of the last change; null before the first look.</summary>
    public RevocationList.Snapshot? Revocations { get; private set; }

    /// <summary>Includes a KEK until the answer is disposed.</summary>
    public IDisposable Follow(string kek)
    {
        lock (_lock)
        {
            if (!_keks.TryGetValue(kek, out Watched? watched))
            {
                _keks.Add(kek, watched = new Watched());
            }

            watched.Watchers++;
        }

        return new Following(this, kek);
    }

    /// <summary>The etag of a KEK that is followed, as of the last look; null: not looked at yet.</summary>
    public string? EtagOf(string kek)
    {
        lock (_lock)
        {
            return _keks.TryGetValue(kek, out Watched? watched) ? watched.Etag : null;
        }
    }

    /// <summary>Looks for changes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(Interval);
        do
        {
            try
            {
                if (await LookAsync(cancellation))
                {
                    Interlocked.Exchange(ref _change, NewChange()).SetResult();
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Whatever it is: a broker that watched no more would leave revoked enclaves at work until they renew.
                log.BackgroundFailed("watching the database", e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private static TaskCompletionSource NewChange() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<bool> LookAsync(CancellationToken cancellation)
    {
        RevocationList.Snapshot current = await revocations.CurrentAsync(cancellation);
        bool changed = current.Revision != Revocations?.Revision;
        Revocations = current;
        string[] followed;
        lock (_lock)
        {
            followed = [.. _keks.Keys];
        }

        foreach (string kek in followed)
        {
            string? etag;
            try
            {
                etag = await state.FindKekEtagAsync(kek, cancellation);
            }
            catch (BrokerStateException e) when (e.Error == BrokerStateError.NotAuthentic)
            {
                // It was reported. Those who watch other KEKs go on.
                continue;
            }

            lock (_lock)
            {
                if (_keks.TryGetValue(kek, out Watched? watched) && watched.Etag != etag)
                {
                    watched.Etag = etag;
                    changed = true;
                }
            }
        }

        return changed;
    }

    private void Leave(string kek)
    {
        lock (_lock)
        {
            if (_keks.TryGetValue(kek, out Watched? watched) && --watched.Watchers == 0)
            {
                _keks.Remove(kek);
            }
        }
    }

    private sealed class Watched
    {
        public int Watchers { get; set; }

        public string? Etag { get; set; }
    }

    private sealed class Following(ChangeFeed feed, string kek) : IDisposable
    {
        public void Dispose() => feed.Leave(kek);
    }
}
