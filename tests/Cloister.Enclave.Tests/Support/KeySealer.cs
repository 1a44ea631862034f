using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Support;

/// <summary>A platform with a sealing key of its own, which can hang or fail.</summary>
internal sealed class KeySealer(byte[] key) : ISealer
{
    private volatile TaskCompletionSource? _hanging;
    private int _waiting;

    /// <summary>Fails while set.</summary>
    internal bool Fails { get; set; }

    /// <summary>Callers that wait for it now.</summary>
    internal int Waiting => Volatile.Read(ref _waiting);

    public string Description => "sealing for tests";

    public SecretKey SealingKey(SecretArena arena)
    {
        Interlocked.Increment(ref _waiting);
        _hanging?.Task.Wait(TestContext.Current.CancellationToken);
        Interlocked.Decrement(ref _waiting);
        return Fails ? throw new SealException("too many open files", isTransient: true) : SecretKey.TakeOver(arena, key.ToArray());
    }

    /// <summary>Lets callers wait, or lets them go on.</summary>
    internal void Hang(bool hangs)
    {
        TaskCompletionSource? before = _hanging;
        _hanging = hangs ? new TaskCompletionSource() : null;
        before?.SetResult();
    }
}
