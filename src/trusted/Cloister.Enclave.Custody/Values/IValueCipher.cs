using System.Buffers;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Custody.Values;

/// <summary>
/// Turns values into what etcd stores and back. Both calls end at once when the keys they need are here; nothing is written to the
/// buffer before everything that can fail has succeeded. secrets: plaintexts pass through.
/// </summary>
public interface IValueCipher
{
    /// <summary>Encrypts a value.</summary>
    /// <param name="key">Its etcd key, which the ciphertext is bound to.</param>
    /// <param name="plaintext">The value.</param>
    /// <param name="stored">Where to append what etcd stores.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="FailureException">No KEK for writes, now. Invalid: it is encrypted by this provider already.</exception>
    ValueTask EncryptAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation);

    /// <summary>Decrypts a stored value.</summary>
    /// <param name="key">Its etcd key.</param>
    /// <param name="stored">What etcd stores.</param>
    /// <param name="plaintext">Where to append the plaintext: written only when the outcome is <see cref="ValueOutcome.Decrypted"/>.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="FailureException">The keys cannot be had now; later it may work.</exception>
    ValueTask<ValueOutcome> DecryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, IBufferWriter<byte> plaintext, CancellationToken cancellation);

    /// <summary>What a call fails with that would hand out a value whose KEK is not here; brings a renewal on where KEKs come from elsewhere.</summary>
    /// <param name="key">Its etcd key.</param>
    /// <param name="stored">What etcd stores, for which <see cref="DecryptAsync"/> came to <see cref="ValueOutcome.KekAbsent"/>.</param>
    FailureException KekAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored);
}
