using Cloister.Audit;
using Cloister.Broker.Challenges;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.Tokens;
using Cloister.KeyStores;
using Cloister.KeyStores.Aws;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Vault;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Every key of a broker: authority, challenges, key stores. secrets: holds them; wiped when disposed.</summary>
internal sealed class BrokerKeys : IAsyncDisposable
{
    private BrokerKeys(BrokerAuthority authority, ChallengeSealer challenges, CheckpointSigner checkpoints, Dictionary<string, IKeyStore> stores)
    {
        Authority = authority;
        Challenges = challenges;
        Checkpoints = checkpoints;
        Stores = stores;
    }

    /// <summary>Signs.</summary>
    public BrokerAuthority Authority { get; }

    /// <summary>Seals challenges.</summary>
    public ChallengeSealer Challenges { get; }

    /// <summary>Signs checkpoints of the audit log.</summary>
    public CheckpointSigner Checkpoints { get; }

    /// <summary>Key stores by kind; <c>database</c> is always there.</summary>
    public IReadOnlyDictionary<string, IKeyStore> Stores { get; }

    /// <summary>Opens, and makes what a new database does not have.</summary>
    /// <exception cref="KeyStoreException">Something does not answer, or does not open with this root key.</exception>
    public static async Task<BrokerKeys> OpenAsync(BrokerConfiguration configuration, IBrokerState state, TimeProvider clock, CancellationToken cancellation)
    {
        // A token's key is made for a new database only: for one that has keys, another root key is a mistake.
        bool isNew = await state.FindSettingAsync(AuthorityKeys.AuthoritySetting, cancellation) is null;
        IRootKey root = OpenRoot(configuration.RootKey, isNew);
        Dictionary<string, IKeyStore> stores = [];
        BrokerAuthority? authority = null;
        ChallengeSealer? challenges = null;
        CheckpointSigner? checkpoints = null;
        try
        {
            authority = await AuthorityKeys.OpenAuthorityAsync(state, root, cancellation);
            challenges = await AuthorityKeys.OpenChallengesAsync(state, root, clock, cancellation);
            checkpoints = await AuthorityKeys.OpenCheckpointsAsync(state, root, await AuditOrigin.OpenAsync(state, authority.Id, cancellation), cancellation);
            await AddAsync(stores, await DatabaseKeyStore.OpenAsync(configuration.Database, root, cancellation), cancellation);
            if (Open(configuration.KeyStore) is { } other)
            {
                await AddAsync(stores, other, cancellation);
            }

            return new BrokerKeys(authority, challenges, checkpoints, stores);
        }
        catch
        {
            authority?.Dispose();
            challenges?.Dispose();
            checkpoints?.Dispose();
            await DisposeAsync(stores.Values);
            root.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(Stores.Values);
        Challenges.Dispose();
        Checkpoints.Dispose();
        Authority.Dispose();
    }

    /// <summary>The root key; made when the database <paramref name="isNew"/> and it is absent.</summary>
    /// <exception cref="KeyStoreException">It does not answer, or is not there.</exception>
    internal static IRootKey OpenRoot(RootKeyOptions options, bool isNew) => options switch
    {
        { File: { } file } => isNew || File.Exists(file)
            ? FileRootKey.Open(file)
            : throw new KeyStoreException(KeyStoreFailure.Unknown, $"root key file {file} is not there, but the database has keys that it wraps: put it back"),
        { Token: { } token } => Pkcs11RootKey.Open(token, options.Label, create: isNew),
        _ => throw new InvalidOperationException("the configuration names no root key"),
    };

    private static async Task AddAsync(Dictionary<string, IKeyStore> stores, IKeyStore store, CancellationToken cancellation)
    {
        stores.Add(store.Kind, store);
        await store.CheckAsync(cancellation);
    }

    private static IKeyStore? Open(KeyStoreOptions? options) => options switch
    {
        { Pkcs11: { } token } => new Pkcs11KeyStore(token),
        { Vault: { } vault } => new VaultTransitKeyStore(vault),
        { Aws: { } aws } => new AwsKmsKeyStore(aws),
        _ => null,
    };

    private static async Task DisposeAsync(IEnumerable<IKeyStore> stores)
    {
        foreach (IKeyStore store in stores)
        {
            await store.DisposeAsync();
        }
    }
}
