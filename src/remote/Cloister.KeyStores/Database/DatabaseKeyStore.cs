using System.Collections.Concurrent;
using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.RootKeys;
using Cloister.Xaes;

namespace Cloister.KeyStores.Database;

/// <summary>
/// KEKs in a database, wrapped by a root key. Items are XAES-256-GCM messages, <c>nonce 24 | ciphertext | tag 16</c>. A process that
/// has used a KEK keeps it until it destroys it, is told to forget it, or the store is disposed.
/// secrets: KEKs in pinned memory, wiped when destroyed, forgotten or disposed.
/// </summary>
public sealed class DatabaseKeyStore : IKeyStore
{
    private readonly ConcurrentDictionary<KekIdentity, XaesKey> _keks = new();
    private readonly KekTable _table;
    private readonly IRootKey _root;
    private int _isDisposed;

    private DatabaseKeyStore(KekTable table, IRootKey root)
    {
        _table = table;
        _root = root;
    }

    /// <inheritdoc/>
    public string Kind => "database";

    /// <inheritdoc/>
    public bool CanRelease => true;

    /// <summary>Opens <c>sqlite:/path</c> or <c>postgres:connection string</c>, making or updating its table. Owns the root key from then on.</summary>
    /// <exception cref="ArgumentException">Another address.</exception>
    /// <exception cref="KeyStoreException">Unavailable; denied: the table is of a newer program.</exception>
    public static async Task<DatabaseKeyStore> OpenAsync(string address, IRootKey root, CancellationToken cancellation) =>
        new(await KekTable.OpenAsync(address, cancellation), root);

    /// <summary>Asks the database, and opens one KEK so that a wrong root key is found before it is needed.</summary>
    /// <exception cref="KeyStoreException">Unavailable or damaged.</exception>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (await _table.AnyAsync(cancellation) is { } wrapped)
        {
            Open(wrapped).Dispose();
        }
    }

    /// <inheritdoc/>
    public async Task CreateAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        byte[] key = GC.AllocateArray<byte>(StoreItems.KekSize, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(key);
            if (!await _table.AddAsync(kek, _root.Wrap(key, KekAad.OfKek(kek)), cancellation))
            {
                throw StoreItems.Exists(kek);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <inheritdoc/>
    public async Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        StoreItems.CheckKek(key.Length);
        if (await _table.AddAsync(kek, _root.Wrap(key.Span, KekAad.OfKek(kek)), cancellation))
        {
            return;
        }

        byte[] present = GC.AllocateArray<byte>(StoreItems.KekSize, pinned: true);
        try
        {
            await ReleaseAsync(kek, present, cancellation);
            if (!CryptographicOperations.FixedTimeEquals(present, key.Span))
            {
                throw StoreItems.Exists(kek);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(present);
        }
    }

    /// <inheritdoc/>
    public async Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation)
    {
        StoreItems.CheckKek(key.Length);
        XaesKey xaes = await KekAsync(kek, cancellation);
        Use(kek, () => xaes.CopyTo(key.Span));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        StoreItems.CheckForWrap(items);
        XaesKey xaes = await KekAsync(kek, cancellation);
        byte[] aad = KekAad.OfItem(kek, context);
        byte[][] wrapped = new byte[items.Count][];
        Use(kek, () =>
        {
            for (int i = 0; i < wrapped.Length; i++)
            {
                wrapped[i] = xaes.Encrypt(items[i].Span, aad);
            }
        });
        return wrapped;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        XaesKey xaes = await KekAsync(kek, cancellation);
        byte[] aad = KekAad.OfItem(kek, context);
        byte[]?[] unwrapped = new byte[]?[items.Count];
        Use(kek, () =>
        {
            for (int i = 0; i < unwrapped.Length; i++)
            {
                unwrapped[i] = xaes.Decrypt(items[i].Span, aad);
            }
        });
        return unwrapped;
    }

    /// <summary>Destroys the KEK. Copies of the database from before still hold it, wrapped by the root key.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task DestroyAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        await _table.DeleteAsync(kek, cancellation);
        Forget(kek);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KekIdentity> InMemory => [.. _keks.Keys];

    /// <inheritdoc/>
    public void Forget(KekIdentity kek)
    {
        if (_keks.TryRemove(kek, out XaesKey? xaes))
        {
            xaes.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Wipe();
            await _table.DisposeAsync();
            _root.Dispose();
        }
    }

    private async Task<XaesKey> KekAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (_keks.TryGetValue(kek, out XaesKey? known))
        {
            return known;
        }

        WrappedKek wrapped = await _table.FindAsync(kek, cancellation) ?? throw StoreItems.Unknown(kek);
        XaesKey opened = Open(wrapped);
        XaesKey kept = _keks.GetOrAdd(kek, opened);
        if (!ReferenceEquals(kept, opened))
        {
            opened.Dispose();
        }

        if (Volatile.Read(ref _isDisposed) != 0)
        {
            // Disposed meanwhile: what was added after the wipe is wiped here.
            Wipe();
        }

        return kept;
    }

    private XaesKey Open(WrappedKek wrapped)
    {
        byte[] key = GC.AllocateArray<byte>(StoreItems.KekSize, pinned: true);
        try
        {
            _root.Unwrap(wrapped.Wrapped, KekAad.OfKek(wrapped.Kek), key);
            return new XaesKey(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    // A key that is wiped while it is used: the store was disposed, or the KEK destroyed.
    private void Use(KekIdentity kek, Action use)
    {
        try
        {
            use();
        }
        catch (ObjectDisposedException)
        {
            ThrowIfDisposed();
            throw StoreItems.Unknown(kek);
        }
    }

    private void Wipe()
    {
        foreach (KekIdentity kek in _keks.Keys)
        {
            if (_keks.TryRemove(kek, out XaesKey? xaes))
            {
                xaes.Dispose();
            }
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
}
