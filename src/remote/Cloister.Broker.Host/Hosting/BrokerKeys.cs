using Cloister.Audit;
using Cloister.Broker.Challenges;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.State.Rows;
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
    private BrokerKeys(
        WrappedKeys wrapped, AuthorityKeys source, string version, BrokerAuthority authority, ChallengeSealer challenges, CheckpointSigner checkpoints, Dictionary<string, IKeyStore> stores)
    {
        Wrapped = wrapped;
        Source = source;
        Version = version;
        Authority = authority;
        Challenges = challenges;
        Checkpoints = checkpoints;
        Stores = stores;
    }

    /// <summary>What the root key wraps, where every key of the broker's own has a name. Owned by the <c>database</c> store.</summary>
    public WrappedKeys Wrapped { get; }

    /// <summary>Where the authority's keys are from.</summary>
    public AuthorityKeys Source { get; }

    /// <summary>Of the authority's keys, before they were opened.</summary>
    public string Version { get; }

    /// <summary>Signs.</summary>
    public BrokerAuthority Authority { get; }

    /// <summary>Seals challenges.</summary>
    public ChallengeSealer Challenges { get; }

    /// <summary>Signs checkpoints of the audit log.</summary>
    public CheckpointSigner Checkpoints { get; }

    /// <summary>Key stores by kind; <c>database</c> is always there.</summary>
    public IReadOnlyDictionary<string, IKeyStore> Stores { get; }

    /// <summary>Whether rows were taken over that an earlier version did not authenticate, or a new database begun.</summary>
    public bool RowsAdopted { get; private init; }

    /// <summary>Opens, and makes what a new database does not have. From then on the state reads and changes what decides.</summary>
    /// <exception cref="KeyStoreException">Something does not answer, or does not open with this root key.</exception>
    /// <exception cref="BrokerStateException">Not authentic: the chain of changes is broken or went back.</exception>
    public static async Task<BrokerKeys> OpenAsync(BrokerConfiguration configuration, SqlBrokerState state, BrokerLog log, TimeProvider clock, CancellationToken cancellation)
    {
        WrappedKeys wrapped = await OpenWrappedAsync(configuration, state, cancellation);
        Dictionary<string, IKeyStore> stores = new() { ["database"] = new DatabaseKeyStore(wrapped) };
        BrokerAuthority? authority = null;
        ChallengeSealer? challenges = null;
        CheckpointSigner? checkpoints = null;
        try
        {
            bool adopted = await OpenRowsAsync(configuration, state, wrapped, log, cancellation);
            AuthorityKeys source = SourceOf(configuration, wrapped, state, clock);
            string version;
            do
            {
                // Again when keys were made or rotated in between.
                authority?.Dispose();
                version = await source.VersionAsync(cancellation);
                authority = new BrokerAuthority(await source.OpenAsync(cancellation));
            }
            while (version != await source.VersionAsync(cancellation));
            challenges = await source.OpenChallengesAsync(cancellation);
            checkpoints = await source.OpenCheckpointsAsync(await AuditOrigin.OpenAsync(state, authority.Id, cancellation), cancellation);
            await wrapped.CheckAsync(cancellation);
            if (Open(configuration.KeyStore) is { } other)
            {
                await AddAsync(stores, other, cancellation);
            }

            return new BrokerKeys(wrapped, source, version, authority, challenges, checkpoints, stores) { RowsAdopted = adopted };
        }
        catch
        {
            authority?.Dispose();
            challenges?.Dispose();
            checkpoints?.Dispose();
            await DisposeAsync(stores.Values);
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

    /// <summary>The authority's keys, with the tokens that the configuration names.</summary>
    internal static AuthorityKeys SourceOf(BrokerConfiguration configuration, WrappedKeys wrapped, ISettings settings, TimeProvider clock) => new(
        wrapped, settings, [.. new[] { configuration.AuthorityKey, configuration.NewAuthorityKey }.OfType<AuthorityKeyOptions>().Select(key => AuthorityKeys.OfToken(key.Token, key.Label))], clock);

    /// <summary>What the root key wraps, opened with every root key that the configuration names.</summary>
    /// <exception cref="KeyStoreException">A root key does not answer, or is not there, or is another one.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    internal static async Task<WrappedKeys> OpenWrappedAsync(BrokerConfiguration configuration, ISettings settings, CancellationToken cancellation)
    {
        WrappedKeys wrapped = await WrappedKeys.OpenAsync(configuration.Database, cancellation);
        List<IRootKey> roots = [];
        try
        {
            await AuthorityKeys.AdoptAsync(settings, wrapped, cancellation);

            // A token's key is made for a new database only: for one that has keys, another root key is a mistake.
            roots.Add(OpenRoot(configuration.RootKey, mayMake: await wrapped.IsEmptyAsync(cancellation)));
            if (configuration.NewRootKey is { } next)
            {
                roots.Add(OpenRoot(next, mayMake: false));
            }
        }
        catch
        {
            roots.ForEach(root => root.Dispose());
            await wrapped.DisposeAsync();
            throw;
        }

        try
        {
            await wrapped.UnlockAsync(roots, cancellation);
            return wrapped;
        }
        catch
        {
            await wrapped.DisposeAsync();
            throw;
        }
    }

    /// <summary>A root key; made when it <paramref name="mayMake"/> and it is absent.</summary>
    /// <exception cref="KeyStoreException">It does not answer, or is not there.</exception>
    internal static IRootKey OpenRoot(RootKeyOptions options, bool mayMake) => options switch
    {
        { File: { } file } => mayMake || File.Exists(file)
            ? FileRootKey.Open(file)
            : throw new KeyStoreException(
                KeyStoreFailure.Unknown, $"root key file {file} is not there, but the database has keys: put it back; a new root key is made with --make-root-key"),
        { Token: { } token } => Pkcs11RootKey.Open(token, options.Label, create: mayMake),
        _ => throw new InvalidOperationException("the configuration names no root key"),
    };

    private static async Task<bool> OpenRowsAsync(BrokerConfiguration configuration, SqlBrokerState state, WrappedKeys wrapped, BrokerLog log, CancellationToken cancellation)
    {
        RowHeadFile? outside = configuration.StateDirectory is { } directory ? new RowHeadFile(directory) : null;
        (RowKey key, bool adopted) = await AuthorityKeys.OpenRowsAsync(state, wrapped, cancellation);
        try
        {
            await state.AuthenticateAsync(key, outside, log.NotAuthentic, cancellation);
            return adopted;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

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
