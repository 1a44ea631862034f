using System.Collections.Concurrent;
using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.RootKeys;
using Cloister.Xaes;

namespace Cloister.KeyStores.Database;

/// <summary>
/// KEKs in a database, wrapped by a root key. Items are XAES-256-GCM messages, <c>nonce 24 | ciphertext | tag 16</c>. A process that
/// has used a KEK keeps it until nobody has used it for ten minutes, it was destroyed, or it is told to forget it; at the latest a minute after another process destroyed it.
/// secrets: KEKs in pinned memory, locked and not dumped, wiped when they go out of use.
/// </summary>
public sealed class DatabaseKeyStore : IKeyStore
{
    private const int Looks = 3;
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<KekIdentity, Held> _keks = new();
    private readonly WrappedKeys _wrapped;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeping;
    private int _isDisposed;

    /// <summary>The KEKs among these wrapped keys, which it owns from then on.</summary>
    /// <param name="wrapped">The wrapped keys.</param>
    /// <param name="clock">What time it is; null: the system's.</param>
    public DatabaseKeyStore(WrappedKeys wrapped, TimeProvider? clock = null)
    {
        (_wrapped, _clock) = (wrapped, clock ?? TimeProvider.System);
        _sweeping = SweepForEverAsync();
    }

    /// <summary>How many KEKs are in memory.</summary>
    internal int HeldCount => _keks.Count;

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
        await UseAsync(kek, xaes => xaes.CopyTo(key.Span), cancellation);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        StoreItems.CheckForWrap(items);
        byte[] aad = KekAad.OfItem(kek, context);
        byte[][] wrapped = new byte[items.Count][];
        await UseAsync(
            kek,
            xaes =>
            {
                for (int i = 0; i < wrapped.Length; i++)
                {
                    wrapped[i] = xaes.Encrypt(items[i].Span, aad);
                }
            },
            cancellation);
        return wrapped;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        byte[] aad = KekAad.OfItem(kek, context);
        byte[]?[] unwrapped = new byte[]?[items.Count];
        await UseAsync(
            kek,
            xaes =>
            {
                for (int i = 0; i < unwrapped.Length; i++)
                {
                    unwrapped[i] = xaes.Decrypt(items[i].Span, aad);
                }
            },
            cancellation);
        return unwrapped;
    }

    /// <summary>Destroys the KEK. Copies of the database from before still hold it, wrapped by the root key.</summary>
    /// <exception cref="KeyStoreException">Unavailable.</exception>
    public async Task DestroyAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        await _wrapped.DeleteAsync(WrappedName.Of(kek), cancellation);
        Forget(kek);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KekIdentity> InMemory => [.. _keks.Keys];

    /// <inheritdoc/>
    public void Forget(KekIdentity kek)
    {
        if (_keks.TryRemove(kek, out Held? held))
        {
            held.Key.Dispose();
        }
    }

    /// <summary>Wipes KEKs that nobody has used for a while, and those that another process destroyed.</summary>
    /// <exception cref="KeyStoreException">Unavailable: those that are used stay.</exception>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        long before = _clock.GetTimestamp() - (long)(Idle.TotalSeconds * _clock.TimestampFrequency);
        foreach ((KekIdentity kek, Held held) in _keks)
        {
            if (held.UsedAt < before || !await _wrapped.HasAsync(WrappedName.Of(kek), cancellation))
            {
                Forget(kek);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await _stop.CancelAsync();
            await _sweeping;
            _stop.Dispose();
            Wipe();
            await _wrapped.DisposeAsync();
        }
    }

    private async Task SweepForEverAsync()
    {
        using PeriodicTimer timer = new(SweepEvery, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    await SweepAsync(_stop.Token);
                }
                catch (KeyStoreException)
                {
                    // The database is away: the next time.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task<XaesKey> KekAsync(KekIdentity kek, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (_keks.TryGetValue(kek, out Held? known))
        {
            known.UsedAt = _clock.GetTimestamp();
            return known.Key;
        }

        XaesKey opened = await _wrapped.FindAsync(WrappedName.Of(kek), key => new XaesKey(key), cancellation) ?? throw StoreItems.Unknown(kek);
        Held kept = _keks.GetOrAdd(kek, new Held(opened) { UsedAt = _clock.GetTimestamp() });
        if (!ReferenceEquals(kept.Key, opened))
        {
            opened.Dispose();
        }

        if (Volatile.Read(ref _isDisposed) != 0)
        {
            // Disposed meanwhile: what was added after the wipe is wiped here.
            Wipe();
        }

        return kept.Key;
    }

    // A key may be wiped while it is used: the store was disposed, the KEK destroyed, or nobody had used it for long. The second look finds out.
    private async Task UseAsync(KekIdentity kek, Action<XaesKey> use, CancellationToken cancellation)
    {
        for (int look = 0; look < Looks; look++)
        {
            XaesKey xaes = await KekAsync(kek, cancellation);
            try
            {
                use(xaes);
                return;
            }
            catch (ObjectDisposedException)
            {
                ThrowIfDisposed();
            }
        }

        throw StoreItems.Unknown(kek);
    }

    private void Wipe()
    {
        foreach (KekIdentity kek in _keks.Keys)
        {
            Forget(kek);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);

    private sealed class Held(XaesKey key)
    {
        private long _usedAt;

        public XaesKey Key { get; } = key;

        public long UsedAt
        {
            get => Interlocked.Read(ref _usedAt);
            set => Interlocked.Exchange(ref _usedAt, value);
        }
    }
}
