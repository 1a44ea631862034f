using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// The seeds that writes use, one for each KEK that rules name and one for the default KEK: made here, wrapped once by the custody, replaced
/// when old, much used, or when the active version changes. And the seeds of values that are read, unwrapped once and kept, bounded. A seed that this hands out may be wiped at any time: then
/// using it throws <see cref="ObjectDisposedException"/>, and the caller asks again. Thread-safe. secrets: the seeds.
/// </summary>
internal sealed class SeedSource : IDisposable
{
    private readonly ICustody _custody;
    private readonly SecretArena _arena;
    private readonly SeedOptions _options;
    private readonly TimeProvider _time;
    private readonly DekCache _cache;
    private readonly Lock _gate = new();
    private readonly HashSet<KeyFingerprint> _keks = [];
    private readonly WriteSlot _default;
    private readonly Dictionary<string, WriteSlot> _named;
    private readonly WriteSlot[] _slots;
    private int _wipes;

    internal SeedSource(ICustody custody, SecretArena arena, SeedOptions options, TimeProvider time, IReadOnlyList<string> keks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxWrites);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.MaxAge, TimeSpan.Zero);
        _custody = custody;
        _arena = arena;
        _options = options;
        _time = time;
        _cache = new DekCache(options.CacheCapacity);
        _default = new WriteSlot(null, custody);
        _named = keks.ToDictionary(kek => kek, kek => new WriteSlot(kek, custody.Under(kek)));
        _slots = [_default, .. _named.Values];
    }

    /// <summary>The seed for one write, which is counted.</summary>
    /// <param name="kek">Name of the KEK, as a rule gave it; null for the default KEK.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="RpcException">The custody has no KEK for such writes.</exception>
    internal ValueTask<WriteSeed> ForWriteAsync(string? kek, CancellationToken cancellation) =>
        TryForWrite(kek) is { } current ? ValueTask.FromResult(current) : RenewAsync(Slot(kek), cancellation);

    /// <summary>As <see cref="ForWriteAsync"/>, or null when one has to be made.</summary>
    internal WriteSeed? TryForWrite(string? kek) => TryCurrent(Slot(kek));

    /// <summary>What writes under a KEK come to now.</summary>
    /// <param name="kek">As above.</param>
    internal CustodyStatus StatusOf(string? kek) => Slot(kek).Status;

    /// <summary>The seed of a value.</summary>
    /// <param name="kek">The KEK that its EDEK names.</param>
    /// <param name="edek">The EDEK; copied when it has to be unwrapped.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="RpcException">The custody does not unwrap it, or it does not hold 32 bytes (InvalidArgument).</exception>
    internal ValueTask<SecretKey> ForReadAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, CancellationToken cancellation) =>
        TryForRead(kek, edek.Span) is { } written ? ValueTask.FromResult(written) : Cached(kek, edek, cancellation);

    /// <summary>The seed of a value that one of the seeds of this moment wrote, or null.</summary>
    internal SecretKey? TryForRead(KeyFingerprint kek, ReadOnlySpan<byte> edek)
    {
        if (!_custody.Holds(kek))
        {
            // Withdrawn: its seeds go with it, and the custody says why.
            WipeWithdrawn();
        }

        return TryWritten(kek, edek);
    }

    /// <summary>Wipes the seeds whose KEK is no longer there for reads.</summary>
    internal void WipeWithdrawn()
    {
        lock (_gate)
        {
            if (_keks.RemoveWhere(kek => !_custody.Holds(kek)) == 0)
            {
                return;
            }

            foreach (WriteSlot slot in _slots)
            {
                if (slot.Current is { } current && !_keks.Contains(current.Kek))
                {
                    slot.Wipe();
                }
            }

            _cache.Keep(_keks);
        }
    }

    /// <summary>Wipes every seed: what the custody's KEKs protect is out of reach until it unwraps again.</summary>
    internal void Wipe()
    {
        lock (_gate)
        {
            _wipes++;
            Array.ForEach(_slots, slot => slot.Wipe());
            _keks.Clear();
            _cache.Clear();
        }
    }

    public void Dispose()
    {
        Wipe();
        Array.ForEach(_slots, slot => slot.Renewal.Dispose());
    }

    private WriteSlot Slot(string? kek) => kek is null ? _default : _named[kek];

    // A method of its own: what its closure holds is made only here.
    private ValueTask<SecretKey> Cached(KeyFingerprint kek, ReadOnlyMemory<byte> edek, CancellationToken cancellation) =>
        _cache.GetAsync(kek, edek.Span, () => UnwrapAsync(kek, edek.ToArray()), cancellation);

    private WriteSeed? TryCurrent(WriteSlot slot)
    {
        CustodyStatus status = slot.Status;
        string active = status.KeyId ?? throw status.ToException();
        return slot.Current is { } current && current.TryTake(active, Now) ? current : null;
    }

    private SecretKey? TryWritten(KeyFingerprint kek, ReadOnlySpan<byte> edek)
    {
        foreach (WriteSlot slot in _slots)
        {
            if (slot.Current is { } current && current.Kek == kek && current.Edek.AsSpan().SequenceEqual(edek))
            {
                return current.Seed;
            }
        }

        return null;
    }

    private long Now => _time.GetTimestamp();

    private async ValueTask<WriteSeed> RenewAsync(WriteSlot slot, CancellationToken cancellation)
    {
        await slot.Renewal.WaitAsync(cancellation);
        try
        {
            return TryCurrent(slot) ?? await MakeAsync(slot, cancellation);
        }
        finally
        {
            slot.Renewal.Release();
        }
    }

    private async ValueTask<WriteSeed> MakeAsync(WriteSlot slot, CancellationToken cancellation)
    {
        int wipes = Volatile.Read(ref _wipes);
        SecretKey seed = SecretKey.Generate(_arena);
        try
        {
            using SecretBuffer plaintext = SecretBuffer.Rent();
            seed.Use(plaintext.Memory, static (bytes, memory) => bytes.TryCopyTo(memory.Span));
            byte[] edek = new byte[Edek.MaxSize];
            EncryptResult result = await slot.Custody.EncryptAsync(plaintext.Memory[..SecretKey.Size], edek, cancellation);
            edek = edek[..result.Length];
            long expires = Now + (long)(_options.MaxAge.TotalSeconds * _time.TimestampFrequency);

            // The write this one is made for is the first.
            WriteSeed made = new(seed, Edek.Parse(edek).Kek, result.KeyId, edek, expires, _options.MaxWrites - 1);
            lock (_gate)
            {
                if (wipes != _wipes)
                {
                    throw new RpcException(StatusCode.Unavailable, "the keys were wiped while a seed was made; try again");
                }

                if (slot.Current is { } old)
                {
                    _cache.Put(old.Kek, old.Edek, old.Seed);
                }

                slot.Current = made;
                _keks.Add(made.Kek);
            }

            return made;
        }
        catch
        {
            seed.Dispose();
            throw;
        }
    }

    // Shared by everybody who waits for that seed, so no caller's cancellation ends it.
    private async Task<SecretKey> UnwrapAsync(KeyFingerprint kek, byte[] edek)
    {
        using SecretBuffer plaintext = SecretBuffer.Rent();
        int length = await _custody.DecryptAsync(kek, edek, plaintext.Memory, CancellationToken.None);
        lock (_gate)
        {
            _keks.Add(kek);
        }

        return length == SecretKey.Size
            ? SecretKey.TakeOver(_arena, plaintext.Memory.Span[..length])
            : throw new RpcException(StatusCode.InvalidArgument, $"the EDEK does not hold a seed of {SecretKey.Size} bytes");
    }
}
