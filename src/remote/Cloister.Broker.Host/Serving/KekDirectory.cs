using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Rows;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Host.Serving;

/// <summary>Which KEKs there are, for whom, and where their keys are. Thread-safe.</summary>
internal sealed class KekDirectory(IKekRegistry registry, IReadOnlyDictionary<string, IKeyStore> stores, string authority, TimeProvider clock)
{
    /// <summary>The KEK of a cluster. What writes use is stored before anybody is told: a clock that goes back brings no older version back.</summary>
    /// <exception cref="ProtocolException">There is none.</exception>
    public async Task<Kek> FindAsync(string cluster, string name, CancellationToken cancellation) =>
        await TryFindAsync(cluster, name, cancellation) is { } kek ? await RaiseAsync(kek, cancellation) : throw Unknown();

    /// <summary>The KEK of a cluster, or null. Changes nothing: for parties that are not known yet.</summary>
    public async Task<Kek?> TryFindAsync(string cluster, string name, CancellationToken cancellation, RowHead? asOf = null) =>
        KekIdentity.IsValidName(name) && await registry.FindKekAsync(name, cancellation, asOf) is { } found && found.Record.Cluster == cluster ? found : null;

    /// <summary>The same KEK, with what writes use stored. To be asked before anybody is told of its versions.</summary>
    public async Task<Kek> RaiseAsync(Kek kek, CancellationToken cancellation)
    {
        if (kek.ActiveAt(clock.GetUtcNow()) is not { } active || active.Version <= kek.HighestActive)
        {
            return kek;
        }

        await registry.RaiseHighestActiveAsync(kek.Record.Name, active.Version, cancellation);
        return kek with { HighestActive = active.Version };
    }

    /// <summary>Where its keys are.</summary>
    /// <exception cref="KeyStoreException">The configuration does not have that store any more.</exception>
    public IKeyStore StoreOf(Kek kek) => stores.TryGetValue(kek.Record.Store, out IKeyStore? store)
        ? store
        : throw new KeyStoreException(KeyStoreFailure.Unavailable, $"KEK {kek.Record.Name} is in key store {kek.Record.Store}, which is not configured");

    /// <summary>What a version is called.</summary>
    public KekIdentity IdentityOf(KekVersion version) => new(authority, version.Name, checked((uint)version.Version), version.Generation);

    /// <summary>The enabled version of that key_id.</summary>
    /// <exception cref="ProtocolException">There is none.</exception>
    public KekIdentity EnabledVersion(Kek kek, string keyId) => kek.Versions
        .Where(version => version.State == KekVersionState.Enabled)
        .Select(IdentityOf)
        .FirstOrDefault(identity => KeyId.Format(identity.Fingerprint()) == keyId) ?? throw Unknown();

    /// <summary>No such KEK; one of another cluster looks alike.</summary>
    public static ProtocolException Unknown() =>
        new(ProtocolError.KekNotFound, "no such KEK or version for this cluster: compare the enclave's configuration with the broker's KEKs");
}
