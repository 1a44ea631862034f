using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Custody;

/// <summary>The DEK that writes use now: bounded in uses and age. secrets: its cipher.</summary>
internal sealed class WriteDek : IDisposable
{
    private readonly long _expiresAt;
    private int _usesLeft;

    internal WriteDek(WrappedDek dek, RemoteOptions options)
    {
        Kek = dek.Kek;
        Wrapped = dek.Wrapped;
        Cipher = new Xaes256Gcm(dek.Key);
        _usesLeft = options.DekMaxUses;
        _expiresAt = BootTime.Milliseconds + (long)options.DekMaxAge.TotalMilliseconds;
    }

    internal KeyFingerprint Kek { get; }

    internal byte[] Wrapped { get; }

    internal Xaes256Gcm Cipher { get; }

    /// <summary>True when it may be used once more, for writes under that KEK.</summary>
    internal bool TryUse(KeyFingerprint kek) =>
        Kek == kek && BootTime.Milliseconds < _expiresAt && Interlocked.Decrement(ref _usesLeft) >= 0;

    public void Dispose() => Cipher.Dispose();
}
