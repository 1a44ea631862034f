using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores;

/// <summary>
/// Where the key bytes of KEKs are. What KEKs exist, their states and times are the broker's state, not the store's. Thread-safe.
/// secrets: KEKs and keys to wrap pass through.
/// </summary>
public interface IKeyStore : IAsyncDisposable
{
    /// <summary>The kind: <c>database</c>, <c>pkcs11</c>, <c>vault-transit</c> or <c>aws-kms</c>.</summary>
    string Kind { get; }

    /// <summary>Whether a KEK can leave the store; false: custody remote only.</summary>
    bool CanRelease { get; }

    /// <summary>Asks whether the store works.</summary>
    /// <exception cref="KeyStoreException">It does not.</exception>
    Task CheckAsync(CancellationToken cancellation);

    /// <summary>Makes a KEK of 32 random bytes. It is durable when this returns.</summary>
    /// <exception cref="KeyStoreException">Exists, unavailable or denied.</exception>
    Task CreateAsync(KekIdentity kek, CancellationToken cancellation);

    /// <summary>Takes a KEK of 32 bytes in; the same again is no error.</summary>
    /// <exception cref="KeyStoreException">Another key has that name, or this store takes none in.</exception>
    Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation);

    /// <summary>Writes the KEK's 32 bytes.</summary>
    /// <exception cref="KeyStoreException">Unknown, unavailable, or this store releases none.</exception>
    Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation);

    /// <summary>Wraps items of 1 to 4096 bytes, bound to the context and the KEK.</summary>
    /// <returns>As many, in order, each at most 896 bytes for an item of 32.</returns>
    /// <exception cref="KeyStoreException">Unknown, unavailable or denied.</exception>
    Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation);

    /// <summary>Unwraps items. The caller wipes them.</summary>
    /// <returns>As many, in order; null for one that is not authentic under that KEK and context.</returns>
    /// <exception cref="KeyStoreException">Unknown, unavailable or denied.</exception>
    Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation);

    /// <summary>The KEKs that this process holds in memory.</summary>
    IReadOnlyCollection<KekIdentity> InMemory => [];

    /// <summary>Wipes what this process holds of a KEK in memory; the store has it still.</summary>
    void Forget(KekIdentity kek)
    {
    }

    /// <summary>Destroys the key for ever. An unknown KEK is no error.</summary>
    /// <exception cref="KeyStoreException">Unavailable or denied.</exception>
    Task DestroyAsync(KekIdentity kek, CancellationToken cancellation);
}
