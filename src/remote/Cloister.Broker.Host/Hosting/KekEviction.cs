using Cloister.Broker.State.Keks;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// Wipes KEKs that this process holds in memory and that are enabled no more, whichever broker disabled or destroyed them: looked for every half second. What
/// is not enabled is given to nobody in the meantime, since every use asks the database. secrets: none itself.
/// </summary>
internal sealed class KekEviction(IKekRegistry registry, IEnumerable<IKeyStore> stores, string authority, BrokerLog log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly HashSet<KekIdentity> _enabled = [];
    private long _revision = -1;

    /// <summary>Looks until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(Interval);
        do
        {
            try
            {
                await LookAsync(cancellation);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.BackgroundFailed("looking for KEKs that are out of use", e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    /// <summary>Looks once.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        (IKeyStore Store, KekIdentity Kek)[] held = [.. stores.SelectMany(store => store.InMemory.Select(kek => (store, kek)))];
        if (held.Length == 0)
        {
            return;
        }

        // Revision before states: a change in between is looked at the next time.
        long revision = await registry.KeksRevisionAsync(cancellation);
        if (revision == _revision && held.All(one => _enabled.Contains(one.Kek)))
        {
            return;
        }

        _enabled.Clear();
        foreach (string name in held.Select(one => one.Kek.Name).Distinct())
        {
            Kek? kek = await registry.FindKekAsync(name, cancellation);
            _enabled.UnionWith((kek?.Versions ?? []).Where(version => version.State == KekVersionState.Enabled)
                .Select(version => new KekIdentity(authority, name, checked((uint)version.Version), version.Generation)));
        }

        foreach ((IKeyStore store, KekIdentity kek) in held.Where(one => !_enabled.Contains(one.Kek)))
        {
            store.Forget(kek);
        }

        _revision = revision;
    }
}
