namespace Cloister.Cli.Etcd;

/// <summary>How a value in etcd is stored, as far as it tells without a key.</summary>
internal enum StorageKind
{
    /// <summary>Kubernetes protobuf, <c>k8s\0</c>, in clear.</summary>
    PlaintextProtobuf,

    /// <summary>JSON, in clear.</summary>
    PlaintextJson,

    /// <summary>No encryption prefix and no encoding that is known: the identity provider hands it out as it is.</summary>
    Identity,

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

    /// <summary>Empty, or a known prefix whose body cannot be what it says.</summary>
    Malformed,
}
