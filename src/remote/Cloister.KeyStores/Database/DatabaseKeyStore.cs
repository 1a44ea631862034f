using System.Collections.Concurrent;
using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.RootKeys;
using Cloister.Xaes;

namespace Cloister.KeyStores.Database;

/// <summary>
/// KEKs in a database, wrapped by a root key. Items are XAES-256-GCM messages, <c>nonce 24 | ciphertext | tag 16</c>. A process that
/// has used a KEK keeps it until it destroys it or the store is disposed, also when another process destroys it.
/// secrets: KEKs in pinned memory, wiped when destroyed or disposed.
/// </summary>
public sealed class DatabaseKeyStore : IKeyStore
{
    private readonly ConcurrentDictionary<KekIdentity, XaesKey> _keks = new();
    private readonly WrappedKeys _wrapped;
    private int _isDisposed;

    /// <summary>The KEKs among these wrapped keys, which it owns from then on.</summary>
    public DatabaseKeyStore(WrappedKeys wrapped) => _wrapped = wrapped;

    /// <inheritdoc/>
    public string Kind => "database";

    /// <inheritdoc/>
    public bool CanRelease => true;

    /// <summary>Opens <c>sqlite:/path</c> or <c>postgres:connection string</c>, making or updating its tables. Owns the root key from then on.</summary>
    /// <exception cref="ArgumentException">Another address.</exception>
    /// <exception cref="KeyStoreException">Unavailable; denied: the tables are of a newer program; damaged: the database has another root key.</exception>
    public static async Task<DatabaseKeyStore> OpenAsync(string address, IRootKey root, CancellationToken cancellation)
    {
        WrappedKeys wrapped = await WrappedKeys.OpenAsync(address, cancellation);
        try
        {
            await wrapped.UnlockAsync([root], cancellation);
            return new DatabaseKeyStore(wrapped);
        }
        catch
        {
            await wrapped.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks the database, and opens one KEK so that a wrong root key is found before it is needed.</summary>
    /// <exception cref="KeyStoreException">Unavailable or damaged.</exception>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        ThrowIfDisposed();
        await _wrapped.CheckAsync(cancellation);
    }

    /// <inheritdoc/>
    public async Task CreateAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        byte[] key = GC.AllocateArray<byte>(StoreItems.KekSize, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(key);
            if (!await _wrapped.AddAsync(WrappedName.Of(kek), key, cancellation))
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
        if (await _wrapped.AddAsync(WrappedName.Of(kek), key, cancellation))
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
        await _wrapped.DeleteAsync(WrappedName.Of(kek), cancellation);
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
            await _wrapped.DisposeAsync();
        }
    }

    private async Task<XaesKey> KekAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (_keks.TryGetValue(kek, out XaesKey? known))
        {
            return known;
        }

        XaesKey opened = await _wrapped.FindAsync(WrappedName.Of(kek), key => new XaesKey(key), cancellation) ?? throw StoreItems.Unknown(kek);
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
