using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody.Values;

/// <summary>A seed made in this enclave, with its EDEK. secrets: the seed.</summary>
internal sealed class WriteSeed
{
    private readonly long _expires;
    private int _writesLeft;

    internal WriteSeed(SecretKey seed, KeyFingerprint kek, string keyId, byte[] edek, long expires, int maxWrites)
    {
        Seed = seed;
        Kek = kek;
        KeyId = keyId;
        Edek = edek;
        _expires = expires;
        _writesLeft = maxWrites;
    }

    internal SecretKey Seed { get; }

    internal KeyFingerprint Kek { get; }

    /// <summary>key_id of the KEK that wraps it.</summary>
    internal string KeyId { get; }

    internal byte[] Edek { get; }

    /// <summary>Takes one of the writes that are left; false when another seed is due.</summary>
    internal bool TryTake(string activeKeyId, long now) =>
        KeyId == activeKeyId && now < _expires && Interlocked.Decrement(ref _writesLeft) >= 0;
}
