using System.Security.Cryptography;

namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// Everything that is kept wrapped under the root key: KEKs, and named keys of the broker's own. There is no other way to it, so that a rotation of the
/// root key forgets nothing. All brokers of a database share it. Thread-safe.
/// secrets: keys in pinned memory, wiped when the callback that gets them returns; the root keys, which it owns.
/// </summary>
public sealed class WrappedKeys : IAsyncDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    private const int Attempts = 3;

    private readonly WrappedKeyTable _table;
    private RootKeyRing? _roots;

    private WrappedKeys(WrappedKeyTable table) => _table = table;

    /// <summary>The rows, for the rotation.</summary>
    internal WrappedKeyTable Table => _table;

    /// <summary>The root keys.</summary>
    internal RootKeyRing Roots => _roots ?? throw new InvalidOperationException("the root key is not here yet");

    /// <summary>Opens <c>sqlite:/path</c> or <c>postgres:connection string</c>, making or updating its tables; nothing is opened before <see cref="UnlockAsync"/>.</summary>
    /// <exception cref="ArgumentException">Another address.</exception>
    /// <exception cref="KeyStoreException">Unavailable; denied: the tables are of a newer program.</exception>
    public static async Task<WrappedKeys> OpenAsync(string address, CancellationToken cancellation) => new(await WrappedKeyTable.OpenAsync(address, cancellation));

    /// <summary>True when nothing is wrapped.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task<bool> IsEmptyAsync(CancellationToken cancellation) => await _table.AnyAsync(cancellation) is null;

    /// <summary>Takes over what the first root key wrapped before it was kept here.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public Task AdoptAsync(WrappedName name, byte[] wrapped, CancellationToken cancellation) =>
        _table.AddAsync(new WrappedRow { Kind = name.Kind, Name = name.Name, Root = 1, Wrapped = wrapped }, cancellation);

    /// <summary>Takes root keys: the one that a new database gets first. They are this object's from then on.</summary>
    /// <exception cref="KeyStoreException">Unavailable or denied; damaged: the current root key of the database is none of them.</exception>
    public async Task UnlockAsync(IReadOnlyList<IRootKey> roots, CancellationToken cancellation)
    {
        _roots = new RootKeyRing(_table, roots);
        await _roots.ProveFirstAsync(cancellation);
        await _roots.CurrentAsync(cancellation);
    }

    /// <summary>Asks the database, and opens one key so that a root key that does not answer is found before it is needed.</summary>
    /// <exception cref="KeyStoreException">Unavailable or damaged.</exception>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        if (await _table.AnyAsync(cancellation) is { } row)
        {
            await OpenAsync(row, _ => true, cancellation);
        }
    }

    /// <summary>Wraps and keeps a key.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="key">32 bytes.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>False: there is one of that name, and nothing was changed.</returns>
    /// <exception cref="KeyStoreException">Unavailable or denied; damaged: the current root key is not here.</exception>
    public async Task<bool> AddAsync(WrappedName name, ReadOnlyMemory<byte> key, CancellationToken cancellation)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            (long id, IRootKey root) = await Roots.CurrentAsync(cancellation);
            byte[] wrapped = root.Wrap(key.Span, name.Aad());
            if (await _table.AddAsync(new WrappedRow { Kind = name.Kind, Name = name.Name, Root = id, Wrapped = wrapped }, cancellation))
            {
                return true;
            }

            if (await _table.FindAsync(name, cancellation) is not null)
            {
                return false;
            }

            // The root key was rotated between the two.
        }

        throw new KeyStoreException(KeyStoreFailure.Unavailable, "the root key changes again and again");
    }

    /// <summary>Opens a key, or makes it when nobody has yet: of several brokers that do, all get the same.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="make">Fills 32 bytes.</param>
    /// <param name="use">Gets the key, which is wiped when it returns.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="KeyStoreException">Unavailable, denied, or damaged.</exception>
    public async Task<T> OpenOrMakeAsync<T>(WrappedName name, KeyMaker make, Func<byte[], T> use, CancellationToken cancellation)
    {
        WrappedRow? row = await _table.FindAsync(name, cancellation);
        if (row is null)
        {
            byte[] key = GC.AllocateArray<byte>(KeySize, pinned: true);
            try
            {
                make(key);
                await AddAsync(name, key, cancellation);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }

            row = await _table.FindAsync(name, cancellation) ?? throw new KeyStoreException(KeyStoreFailure.Unavailable, $"key {name.Name} went as it was made");
        }

        return await OpenAsync(row, use, cancellation);
    }

    /// <summary>Opens a key; the default where there is none.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="use">Gets the key, which is wiped when it returns.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="KeyStoreException">Unavailable, denied, or damaged.</exception>
    public async Task<T?> FindAsync<T>(WrappedName name, Func<byte[], T> use, CancellationToken cancellation) =>
        await _table.FindAsync(name, cancellation) is { } row ? await OpenAsync(row, use, cancellation) : default;

    /// <summary>Whether there is a key of that name.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task<bool> HasAsync(WrappedName name, CancellationToken cancellation) => await _table.FindAsync(name, cancellation) is not null;

    /// <summary>Names of the broker's own keys, in order.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task<IReadOnlyList<string>> KeysAsync(CancellationToken cancellation) => await _table.NamesAsync(WrappedName.KeyKind, cancellation);

    /// <summary>The root keys, the newest last.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task<IReadOnlyList<RootKeyStatus>> StatusAsync(CancellationToken cancellation)
    {
        RootCount[] counts = await _table.CountAsync(cancellation);
        List<RootKeyStatus> status = [];
        foreach (RootRow row in await _table.RootsAsync(cancellation))
        {
            status.Add(new RootKeyStatus(row.Id, row.IsCurrent, counts.FirstOrDefault(count => count.Root == row.Id)?.Keys ?? 0, Roots.Has(row)));
        }

        return status;
    }

    /// <summary>Deletes a key, if it is there.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public Task DeleteAsync(WrappedName name, CancellationToken cancellation) => _table.DeleteAsync(name, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _table.DisposeAsync();
        _roots?.Dispose();
    }

    private async Task<T> OpenAsync<T>(WrappedRow row, Func<byte[], T> use, CancellationToken cancellation)
    {
        byte[] key = GC.AllocateArray<byte>(KeySize, pinned: true);
        try
        {
            (await Roots.OfAsync(row.Root, cancellation)).Unwrap(row.Wrapped, row.Called.Aad(), key);
            return use(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}

/// <summary>A root key of a database.</summary>
/// <param name="Number">From 1 on.</param>
/// <param name="IsCurrent">It wraps what is new; the other is being replaced.</param>
/// <param name="Keys">How many keys it wraps.</param>
/// <param name="IsHere">The configuration names it.</param>
public sealed record RootKeyStatus(long Number, bool IsCurrent, long Keys, bool IsHere);

/// <summary>Fills a new key.</summary>
public delegate void KeyMaker(Span<byte> key);
