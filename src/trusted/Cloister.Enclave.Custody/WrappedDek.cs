using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>A DEK that the enclave made and a remote KMS wrapped, not used yet. secrets: the DEK, until disposed or handed on.</summary>
/// <param name="Kek">The KEK that wraps it.</param>
/// <param name="Key">The DEK.</param>
/// <param name="Wrapped">What the remote KMS made of it; public.</param>
internal sealed record WrappedDek(KeyFingerprint Kek, SecretKey Key, byte[] Wrapped) : IDisposable
{
    public void Dispose() => Key.Dispose();
}
