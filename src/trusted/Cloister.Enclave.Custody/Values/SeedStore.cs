using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody.Values;

/// <summary>
/// The one store of seeds of a process. Those that writes use, one for each KEK that rules name and one for the default KEK: made here, wrapped once by the
/// custody, replaced when old, much used, or when the active version changes. And those of values that are read, unwrapped once and kept, bounded. Seeds of
/// a KEK that is withdrawn are wiped within a quarter of a second. A seed that this hands out may be wiped at any time: then using it throws
/// <see cref="ObjectDisposedException"/>, and the caller asks again. Thread-safe. secrets: the seeds.
/// </summary>
public sealed class SeedStore : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private readonly SecretArena _arena;
    private readonly SeedOptions _options;
    private readonly TimeProvider _time;
    private readonly DekCache _cache;
    private readonly Lock _gate = new();
    private readonly HashSet<KeyFingerprint> _keks = [];
    private readonly WriteSlot _default;
    private readonly Dictionary<string, WriteSlot> _named;
    private readonly WriteSlot[] _slots;
    private readonly ITimer _withdrawals;
    private int _wipes;

    /// <summary>A store without seeds.</summary>
    /// <param name="custody">Wraps and unwraps seeds; not owned.</param>
    /// <param name="arena">Where seeds are kept; not owned.</param>
    /// <param name="options">Rotation and cache.</param>
    /// <param name="time">For the age of seeds.</param>
    /// <param name="keks">KEKs by namespace; null for none.</param>
    public SeedStore(ICustody custody, SecretArena arena, SeedOptions options, TimeProvider time, KekRules? keks = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxWrites);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.MaxAge, TimeSpan.Zero);
        Custody = custody;
        Keks = keks ?? KekRules.None;
        _arena = arena;
        _options = options;
        _time = time;
        _cache = new DekCache(options.CacheCapacity);
        _default = new WriteSlot(null, custody);
        _named = Keks.Keks.ToDictionary(kek => kek, kek => new WriteSlot(kek, custody.Under(kek)));
        _slots = [_default, .. _named.Values];
        _withdrawals = time.CreateTimer(_ => WipeWithdrawn(), null, LookInterval, LookInterval);
    }

    /// <summary>Which KEK is for which namespace.</summary>
    public KekRules Keks { get; }

    internal ICustody Custody { get; }

    internal TimeProvider Time => _time;

    /// <summary>The seed for one write, which is counted.</summary>
    /// <param name="kek">Name of the KEK, as a rule gave it; null for the default KEK.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="FailureException">The custody has no KEK for such writes.</exception>
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
    /// <exception cref="FailureException">The custody does not unwrap it, or it does not hold 32 bytes (Invalid).</exception>
    internal ValueTask<SecretKey> ForReadAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, CancellationToken cancellation) =>
        TryForRead(kek, edek.Span) is { } written ? ValueTask.FromResult(written) : Cached(kek, edek, cancellation);

    /// <summary>The seed of a value that one of the seeds of this moment wrote, or null.</summary>
    internal SecretKey? TryForRead(KeyFingerprint kek, ReadOnlySpan<byte> edek)
    {
        if (!Custody.Holds(kek))
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
            if (_keks.RemoveWhere(kek => !Custody.Holds(kek)) == 0)
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

    /// <summary>Wipes every seed.</summary>
    public void Dispose()
    {
        _withdrawals.Dispose();
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
                    throw new FailureException(FailureKind.Unavailable, "the keys were wiped while a seed was made; try again");
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
        int length = await Custody.DecryptAsync(kek, edek, plaintext.Memory, CancellationToken.None);
        lock (_gate)
        {
            _keks.Add(kek);
        }

        return length == SecretKey.Size
            ? SecretKey.TakeOver(_arena, plaintext.Memory.Span[..length])
            : throw new FailureException(FailureKind.Invalid, $"the EDEK does not hold a seed of {SecretKey.Size} bytes");
    }
}
