using System.Buffers.Text;
using System.Diagnostics;
using System.Security.Cryptography;
using Cloister.Release;
using Cloister.Broker.Host.Traces;
using Cloister.Broker.State.Keks;
using Cloister.Contracts.Keys;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// The versions of a lease, and their keys encrypted to the attested key: <c>fingerprint: 16 | KEK: 32</c>, repeated. Thread-safe.
/// secrets: KEKs pass through and are wiped.
/// </summary>
internal sealed class LeasedKeys(KekDirectory keks)
{
    private const int KekSize = 32;
    private const int EntrySize = KeyFingerprint.Size + KekSize;

    /// <summary>
    /// The enabled versions, and of the others those that writes used: the highest of all is the active one, or there is none while it is not enabled.
    /// </summary>
    /// <param name="kek">The KEK.</param>
    /// <param name="now">The broker's time: what writes used before is active at it, whatever the clock said then.</param>
    public IReadOnlyList<LeasedVersion> Versions(Kek kek, DateTimeOffset now) =>
    [
        .. kek.Versions.Where(version => IsListed(kek, version)).Select(version => new LeasedVersion(
            checked((uint)version.Version), version.Generation, KeyId.Format(keks.IdentityOf(version).Fingerprint()),
            version.State == KekVersionState.Enabled,
            version.Version <= kek.HighestActive ? Math.Min(version.ActiveAt.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds()) : version.ActiveAt.ToUnixTimeMilliseconds())),
    ];

    private static bool IsListed(Kek kek, KekVersion version) => version.State switch
    {
        KekVersionState.Enabled => true,
        KekVersionState.Destroyed => version.Version == kek.HighestActive,
        _ => version.Version <= kek.HighestActive,
    };

    /// <summary>Every enabled version that the enclave does not have.</summary>
    /// <returns>The keys and their digest; null and empty when there is none.</returns>
    /// <exception cref="KeyStores.KeyStoreException">The key store does not give one.</exception>
    public async Task<(FlattenedJwe? Keys, string Digest)> EncryptAsync(Kek kek, IReadOnlyCollection<string> have, TeePublicKey recipient, CancellationToken cancellation)
    {
        KekIdentity[] missing = [.. kek.Versions
            .Where(version => version.State == KekVersionState.Enabled).Select(keks.IdentityOf)
            .Where(identity => !have.Contains(KeyId.Format(identity.Fingerprint())))];
        if (missing.Length == 0)
        {
            return (null, "");
        }

        using Activity? span = BrokerTraces.Part("take KEKs from the key store");
        byte[] plaintext = GC.AllocateArray<byte>(missing.Length * EntrySize, pinned: true);
        try
        {
            for (int i = 0; i < missing.Length; i++)
            {
                missing[i].Fingerprint().CopyTo(plaintext.AsSpan(i * EntrySize));
                await keks.StoreOf(kek).ReleaseAsync(missing[i], plaintext.AsMemory((i * EntrySize) + KeyFingerprint.Size, KekSize), cancellation);
            }

            return (KeyRelease.Encrypt(plaintext, recipient), Base64Url.EncodeToString(SHA256.HashData(plaintext)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>The key of one version, alone.</summary>
    /// <exception cref="KeyStores.KeyStoreException">The key store does not give it.</exception>
    public async Task<FlattenedJwe> EncryptAsync(Kek kek, KekVersion version, TeePublicKey recipient, CancellationToken cancellation)
    {
        byte[] key = GC.AllocateArray<byte>(KekSize, pinned: true);
        try
        {
            await keks.StoreOf(kek).ReleaseAsync(keks.IdentityOf(version), key, cancellation);
            return KeyRelease.Encrypt(key, recipient);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
