using System.Security.Cryptography;

namespace Cloister.Enclave.Crypto;

/// <summary>
/// Random bytes from the platform's generator, drawn 4 KiB at a time because a draw costs the same whatever its size. Bytes are
/// wiped from the pool as they are handed out; what is older than a second is thrown away, so that a copied memory image does not
/// repeat nonces for long. Thread-safe. secrets: up to 4 KiB of random bytes nobody has used yet.
/// </summary>
public sealed class RandomPool
{
    private const int PoolSize = 4096;
    private const long MaxAgeMilliseconds = 1000;

    private readonly Lock _gate = new();
    private readonly byte[] _pool = GC.AllocateUninitializedArray<byte>(PoolSize, pinned: true);
    private int _used = PoolSize;
    private long _drawnAt;

    /// <summary>The pool of this process.</summary>
    public static RandomPool Shared { get; } = new();

    /// <summary>Fills <paramref name="destination"/> with random bytes.</summary>
    public void Fill(Span<byte> destination)
    {
        if (destination.Length > PoolSize / 4)
        {
            RandomNumberGenerator.Fill(destination);
            return;
        }

        lock (_gate)
        {
            long now = Environment.TickCount64;
            if (PoolSize - _used < destination.Length || now - _drawnAt > MaxAgeMilliseconds)
            {
                RandomNumberGenerator.Fill(_pool);
                _used = 0;
                _drawnAt = now;
            }

            Span<byte> fresh = _pool.AsSpan(_used, destination.Length);
            fresh.CopyTo(destination);
            CryptographicOperations.ZeroMemory(fresh);
            _used += destination.Length;
        }
    }
}
