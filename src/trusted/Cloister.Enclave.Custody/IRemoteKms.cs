using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Custody;

/// <summary>
/// A KMS that never releases its KEK. Every call is one round trip. secrets: DEKs pass through to it; the implementation protects them
/// on the way.
/// </summary>
public interface IRemoteKms : IAsyncDisposable
{
    /// <summary>The lease that the KEK is used under, or null when this KMS gives none.</summary>
    LeaseReport? Lease => null;

    /// <summary>Where the gateway's serving certificate can come from, or null.</summary>
    LeaseSource? Certificates => null;

    /// <summary>How many encryptions it allows now; more in one call are refused.</summary>
    int WrapsLeft => int.MaxValue;

    /// <summary>Which KEK versions there are.</summary>
    /// <exception cref="RemoteKmsException">It cannot be reached, or refuses.</exception>
    ValueTask<RemoteKek> DescribeAsync(CancellationToken cancellation);

    /// <summary>Waits until <see cref="DescribeAsync"/> is to be asked again: as long as it is told, or less where asking costs no call.</summary>
    Task WaitAsync(TimeSpan most, CancellationToken cancellation) => Task.Delay(most, cancellation);

    /// <summary>Encrypts several plaintexts of 1 to 4096 bytes under one KEK version, bound to the context.</summary>
    /// <returns>As many ciphertexts, in order.</returns>
    /// <exception cref="RemoteKmsException">It cannot be reached, or refuses.</exception>
    ValueTask<IReadOnlyList<byte[]>> EncryptAsync(
        KeyFingerprint kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> plaintexts, CancellationToken cancellation);

    /// <summary>Decrypts one ciphertext.</summary>
    /// <returns>Bytes written to <paramref name="plaintext"/>.</returns>
    /// <exception cref="RemoteKmsException">It cannot be reached, refuses, or the ciphertext is not authentic.</exception>
    ValueTask<int> DecryptAsync(
        KeyFingerprint kek, EnvelopeContext context, ReadOnlyMemory<byte> ciphertext, Memory<byte> plaintext, CancellationToken cancellation);
}
