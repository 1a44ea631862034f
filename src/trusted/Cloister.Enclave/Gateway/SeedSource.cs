using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// The seed that writes use: made here, wrapped once by the custody, replaced when it is old, much used, or when the active KEK changes.
/// And the seeds of values that are read, unwrapped once and kept, bounded. A seed that this hands out may be wiped at any time: then
/// using it throws <see cref="ObjectDisposedException"/>, and the caller asks again. Thread-safe. secrets: the seeds.
/// </summary>
internal sealed class SeedSource : IDisposable
{
    private readonly ICustody _custody;
    private readonly SecretArena _arena;
    private readonly SeedOptions _options;
    private readonly TimeProvider _time;
    private readonly DekCache _cache;
    private readonly SemaphoreSlim _renewal = new(1);
    private readonly Lock _gate = new();
    private readonly HashSet<KeyFingerprint> _keks = [];
    private WriteSeed? _current;
    private int _wipes;

    internal SeedSource(ICustody custody, SecretArena arena, SeedOptions options, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxWrites);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.MaxAge, TimeSpan.Zero);
        _custody = custody;
        _arena = arena;
        _options = options;
        _time = time;
        _cache = new DekCache(options.CacheCapacity);
    }

    /// <summary>The seed for one write, which is counted.</summary>
    /// <exception cref="RpcException">The custody has no KEK for writes.</exception>
    internal ValueTask<WriteSeed> ForWriteAsync(CancellationToken cancellation) =>
        TryCurrent() is { } current ? ValueTask.FromResult(current) : RenewAsync(cancellation);

    /// <summary>The seed of a value.</summary>
    /// <param name="kek">The KEK that its EDEK names.</param>
    /// <param name="edek">The EDEK; copied when it has to be unwrapped.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="RpcException">The custody does not unwrap it, or it does not hold 32 bytes (InvalidArgument).</exception>
    internal ValueTask<SecretKey> ForReadAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, CancellationToken cancellation)
    {
        if (!_custody.Holds(kek))
        {
            // Withdrawn: its seeds go with it, and the custody says why.
            WipeWithdrawn();
        }

        return Volatile.Read(ref _current) is { } current && current.Edek.AsSpan().SequenceEqual(edek.Span)
            ? ValueTask.FromResult(current.Seed)
            : _cache.GetAsync(kek, edek.Span, () => UnwrapAsync(kek, edek.ToArray()), cancellation);
    }

    /// <summary>Wipes every seed if one of their KEKs is no longer there for reads.</summary>
    internal void WipeWithdrawn()
    {
        lock (_gate)
        {
            foreach (KeyFingerprint kek in _keks)
            {
                if (!_custody.Holds(kek))
                {
                    Wipe();
                    return;
                }
            }
        }
    }

    /// <summary>Wipes every seed: what the custody's KEKs protect is out of reach until it unwraps again.</summary>
    internal void Wipe()
    {
        lock (_gate)
        {
            _wipes++;
            _current?.Seed.Dispose();
            _current = null;
            _keks.Clear();
            _cache.Clear();
        }
    }

    public void Dispose()
    {
        Wipe();
        _renewal.Dispose();
    }

    private WriteSeed? TryCurrent()
    {
        CustodyStatus status = _custody.Status;
        string active = status.KeyId ?? throw status.ToException();
        return Volatile.Read(ref _current) is { } current && current.TryTake(active, Now) ? current : null;
    }

    private long Now => _time.GetTimestamp();

    private async ValueTask<WriteSeed> RenewAsync(CancellationToken cancellation)
    {
        await _renewal.WaitAsync(cancellation);
        try
        {
            return TryCurrent() ?? await MakeAsync(cancellation);
        }
        finally
        {
            _renewal.Release();
        }
    }

    private async ValueTask<WriteSeed> MakeAsync(CancellationToken cancellation)
    {
        int wipes = Volatile.Read(ref _wipes);
        SecretKey seed = SecretKey.Generate(_arena);
        try
        {
            using SecretBuffer plaintext = SecretBuffer.Rent();
            seed.Use(plaintext.Memory, static (bytes, memory) => bytes.TryCopyTo(memory.Span));
            byte[] edek = new byte[Edek.MaxSize];
            EncryptResult result = await _custody.EncryptAsync(plaintext.Memory[..SecretKey.Size], edek, cancellation);
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

                if (_current is { } old)
                {
                    _cache.Put(old.Kek, old.Edek, old.Seed);
                }

                _current = made;
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
