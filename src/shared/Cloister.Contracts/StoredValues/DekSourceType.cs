namespace Cloister.Contracts.StoredValues;

/// <summary>What <c>encryptedDEKSource</c> of a KMS v2 value holds.</summary>
public enum DekSourceType
{
    /// <summary>An AES-GCM key, used with random nonces (before Kubernetes 1.29).</summary>
    AesGcmKey = 0,

    /// <summary>A seed from which a key is derived for every encryption.</summary>
    HkdfSha256Seed = 1,
}
