using System.Buffers.Text;
using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>Takes the KEKs of a lease over. secrets: KEKs pass through pinned memory that is wiped.</summary>
internal static class LeasedKeys
{
    private const int EntrySize = KeyFingerprint.Size + SecretKey.Size;

    /// <summary>Opens the keys that came with a lease.</summary>
    /// <returns>KEKs, owned by the caller; none when none came.</returns>
    /// <exception cref="BrokerException">Refused: they do not open, or are not those of the lease.</exception>
    internal static List<Kek> Open(AttestedKey key, LeaseTerms terms, FlattenedJwe? jwe, SecretArena arena)
    {
        List<Kek> keks = [];
        if (jwe is null)
        {
            return terms.KeysDigest.Length == 0 ? keks : throw Refused();
        }

        byte[] plaintext = key.Open(jwe);
        try
        {
            if (!terms.Release || plaintext.Length % EntrySize != 0 || Base64Url.EncodeToString(SHA256.HashData(plaintext)) != terms.KeysDigest)
            {
                throw Refused();
            }

            for (int at = 0; at < plaintext.Length; at += EntrySize)
            {
                string keyId = KeyId.Format(new KeyFingerprint(plaintext.AsSpan(at, KeyFingerprint.Size)));
                LeasedVersion version = terms.Versions.FirstOrDefault(version => version.Enabled && version.KeyId == keyId) ?? throw Refused();
                if (keks.Any(kek => kek.KeyId == keyId))
                {
                    throw Refused();
                }

                SecretKey secret = SecretKey.TakeOver(arena, plaintext.AsSpan(at + KeyFingerprint.Size, SecretKey.Size));
                keks.Add(Kek.Leased(HeldLease.Identity(terms, version), secret));
            }

            return keks;
        }
        catch
        {
            keks.ForEach(kek => kek.Dispose());
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    private static BrokerException Refused() => new(BrokerFailure.Refused, "keys", "they are not those of the lease");
}
