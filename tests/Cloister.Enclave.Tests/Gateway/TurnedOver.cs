using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;

namespace Cloister.Enclave.Tests.Gateway;

/// <summary>Opens where it should encrypt: a request that was encrypted comes back.</summary>
internal sealed class TurnedOver : IValueCipher
{
    private readonly IValueCipher _inner;

    internal TurnedOver(IValueCipher inner)
    {
        _inner = inner;
    }

    public async ValueTask EncryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation) =>
        Assert.Equal(ValueOutcome.Decrypted, await _inner.DecryptAsync(key, plaintext, stored, cancellation));

    public ValueTask<ValueOutcome> DecryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, IBufferWriter<byte> plaintext, CancellationToken cancellation) =>
        throw new InvalidOperationException("requests are not read");

    public FailureException KekAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored) => throw new InvalidOperationException("requests are not read");
}
