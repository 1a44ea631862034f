using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration.Recovery;

/// <summary>
/// What a KEK version's key is known by without being known: SHA-256 of <c>cloister-kek-commitment-v1 | fingerprint: 16 | KEK: 32</c>, lower-case hex.
/// Keys are 32 random bytes, so it says nothing of them. secrets: keys pass; the commitment is public.
/// </summary>
internal static class KekCommitment
{
    private const int KekSize = 32;

    /// <summary>The commitment of a key.</summary>
    internal static string Of(KekIdentity identity, ReadOnlySpan<byte> key)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> fingerprint = stackalloc byte[KeyFingerprint.Size];
        identity.Fingerprint().CopyTo(fingerprint);
        hash.AppendData("cloister-kek-commitment-v1"u8);
        hash.AppendData(fingerprint);
        hash.AppendData(key);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The commitment of a key in a store; empty where the store never shows it.</summary>
    /// <exception cref="KeyStoreException">The store does not give it.</exception>
    internal static async Task<string> OfAsync(IKeyStore store, KekIdentity identity, CancellationToken cancellation)
    {
        if (!store.CanRelease)
        {
            return "";
        }

        byte[] key = GC.AllocateArray<byte>(KekSize, pinned: true);
        try
        {
            await store.ReleaseAsync(identity, key, cancellation);
            return Of(identity, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
