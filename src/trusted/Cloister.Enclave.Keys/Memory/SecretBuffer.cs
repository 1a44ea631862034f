using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Memory;

/// <summary>A pinned buffer of the size of the largest EDEK, for one plaintext; wiped when given back. secrets: one plaintext.</summary>
internal sealed class SecretBuffer : IDisposable
{
    private static readonly ConcurrentBag<SecretBuffer> Free = [];

    private readonly byte[] _bytes = GC.AllocateArray<byte>(Contracts.Envelope.Edek.MaxSize, pinned: true);

    private SecretBuffer()
    {
    }

    internal Memory<byte> Memory => _bytes;

    internal static SecretBuffer Rent() => Free.TryTake(out SecretBuffer? buffer) ? buffer : new SecretBuffer();

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        Free.Add(this);
    }
}
