using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Support;

/// <summary>A sealer with a key of 32 equal bytes.</summary>
internal sealed class FixedSealer(byte key) : ISealer
{
    public string Description => "sealing for tests";

    public SecretKey SealingKey(SecretArena arena) => SecretKey.TakeOver(arena, TestKeys.Of(key));
}
