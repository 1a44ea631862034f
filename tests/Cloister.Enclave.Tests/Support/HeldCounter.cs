using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;

namespace Cloister.Enclave.Tests.Support;

/// <summary>A counter that a test holds.</summary>
internal sealed class HeldCounter(ulong value) : IMonotonicCounter
{
    internal ulong Value { get; private set; } = value;

    /// <summary>Makes every increment fail.</summary>
    internal bool Broken { get; set; }

    public ulong Read() => Value;

    public ulong Increment() => Broken ? throw new SealException("the counter is broken") : ++Value;
}

/// <summary>A sealer with a counter, or without.</summary>
internal sealed class CountingSealer(byte[] key, IMonotonicCounter? counter) : ISealer
{
    public string Description => "sealing for tests";

    public IMonotonicCounter? CounterOf(string file) => counter;

    public SecretKey SealingKey(SecretArena arena) => SecretKey.TakeOver(arena, key.ToArray());
}
