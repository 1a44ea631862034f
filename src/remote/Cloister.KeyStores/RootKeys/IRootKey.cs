namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// The key that wraps KEKs at rest. Thread-safe.
/// secrets: KEKs pass through.
/// </summary>
public interface IRootKey : IDisposable
{
    /// <summary>Wraps a KEK of 32 bytes, bound to <paramref name="aad"/>.</summary>
    /// <exception cref="KeyStoreException">Unavailable or denied.</exception>
    byte[] Wrap(ReadOnlySpan<byte> kek, ReadOnlySpan<byte> aad);

    /// <summary>Writes the 32 bytes of the KEK.</summary>
    /// <exception cref="KeyStoreException">Unavailable or denied; damaged: not authentic under this root key and AAD.</exception>
    void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> kek);
}
