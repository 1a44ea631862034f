using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Keys;

/// <summary>
/// One KEK version that the enclave holds: its public name and its key, ready to use. secrets: the KEK, in locked memory, and its key
/// schedule, in libcrypto's heap, until disposed.
/// </summary>
public sealed class Kek : IDisposable
{
    private const int GenerationSize = 16;

    private Kek(KekIdentity identity, SecretKey key)
    {
        Identity = identity;
        Fingerprint = identity.Fingerprint();
        KeyId = Contracts.Keys.KeyId.Format(Fingerprint);
        Key = key;
        Cipher = new Xaes256Gcm(key);
    }

    /// <summary>What it is called.</summary>
    public KekIdentity Identity { get; }

    /// <summary>Its fingerprint.</summary>
    public KeyFingerprint Fingerprint { get; }

    /// <summary>Its fingerprint as key_id.</summary>
    public string KeyId { get; }

    internal SecretKey Key { get; }

    internal Xaes256Gcm Cipher { get; }

    /// <summary>
    /// A KEK that an operator provisions. Its generation commits to the key (16 bytes of HKDF-SHA-256 of it), so two different keys
    /// never share a key_id, and the same key has the same key_id on every node.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Its version, from 1.</param>
    /// <param name="key">The key, owned by the KEK from now on.</param>
    public static Kek Manual(string name, uint version, SecretKey key) =>
        new(new KekIdentity(KekIdentity.ManualAuthority, name, version, key.Use(0, static (bytes, _) => Commitment(bytes))), key);

    /// <summary>A KEK that a broker made and released; its identity comes from a verified lease.</summary>
    /// <param name="identity">What it is called.</param>
    /// <param name="key">The key, owned by the KEK from now on.</param>
    internal static Kek Leased(KekIdentity identity, SecretKey key) => new(identity, key);

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        Cipher.Dispose();
        Key.Dispose();
    }

    /// <summary>The key_id.</summary>
    public override string ToString() => KeyId;

    private static string Commitment(ReadOnlySpan<byte> key)
    {
        Span<byte> commitment = stackalloc byte[GenerationSize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, commitment, salt: default, info: "cloister-kek-generation-v1"u8);
        return Convert.ToHexStringLower(commitment);
    }
}
