using System.Security.Cryptography;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tees;

/// <summary>
/// Stretches a platform's key to a sealing key: HKDF-SHA256 (RFC 5869) without salt, with a label that says for what, so that the platform's
/// key itself encrypts nothing here and nobody else's use of it meets ours. secrets: both keys; the platform's is wiped.
/// </summary>
internal static class SealingKeys
{
    private const int MaxLabel = 128;

    /// <summary>Derives, and wipes what it was derived from.</summary>
    /// <param name="arena">Where the key lives.</param>
    /// <param name="platformKey">16 or 32 bytes.</param>
    /// <param name="label">ASCII.</param>
    /// <param name="context">Bytes that the key is bound to besides; may be empty.</param>
    /// <exception cref="TeeException">The platform's key is all zeros, which none is.</exception>
    internal static SecretKey Derive(SecretArena arena, Span<byte> platformKey, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context)
    {
        Span<byte> info = stackalloc byte[MaxLabel];
        label.CopyTo(info);
        context.CopyTo(info[label.Length..]);
        Span<byte> key = stackalloc byte[SecretKey.Size];
        try
        {
            if (!platformKey.ContainsAnyExcept((byte)0))
            {
                throw new TeeException("the platform gave a sealing key of zeros: look for a newer kernel, Gramine or firmware, and leave state.directory out until then");
            }

            HKDF.DeriveKey(HashAlgorithmName.SHA256, platformKey, key, default, info[..(label.Length + context.Length)]);
            return SecretKey.TakeOver(arena, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(platformKey);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
