namespace Cloister.Contracts.StoredValues;

/// <summary>How a value in etcd is stored, told by its first bytes.</summary>
public enum StoredValueKind
{
    /// <summary>No encryption: Kubernetes protobuf (<c>k8s\0</c>), JSON, or anything without an encryption prefix.</summary>
    Plaintext,

    /// <summary><c>k8s:enc:aescbc:v1:</c></summary>
    AesCbc,

    /// <summary><c>k8s:enc:aesgcm:v1:</c></summary>
    AesGcm,

    /// <summary><c>k8s:enc:secretbox:v1:</c></summary>
    Secretbox,

    /// <summary><c>k8s:enc:kms:v1:</c></summary>
    KmsV1,

    /// <summary><c>k8s:enc:kms:v2:</c></summary>
    KmsV2,

    /// <summary>Another <c>k8s:enc:</c> prefix.</summary>
    Unknown,
}
