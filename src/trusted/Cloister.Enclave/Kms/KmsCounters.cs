namespace Cloister.Enclave.Kms;

/// <summary>How many calls there were. secrets: none.</summary>
public sealed class KmsCounters
{
    private long _encrypted;
    private long _decrypted;
    private long _failed;

    /// <summary>Encryptions that succeeded.</summary>
    public long Encryptions => Volatile.Read(ref _encrypted);

    /// <summary>Decryptions that succeeded.</summary>
    public long Decryptions => Volatile.Read(ref _decrypted);

    /// <summary>Calls that failed.</summary>
    public long Failures => Volatile.Read(ref _failed);

    internal void Encrypted() => Interlocked.Increment(ref _encrypted);

    internal void Decrypted() => Interlocked.Increment(ref _decrypted);

    internal void Failed() => Interlocked.Increment(ref _failed);
}
