namespace Cloister.Cli.Etcd;

/// <summary>Names and properties of <see cref="StorageKind"/>.</summary>
internal static class StorageKinds
{
    /// <summary>The name in tables and JSON; stable.</summary>
    internal static string Name(this StorageKind kind) => kind switch
    {
        StorageKind.PlaintextProtobuf => "plaintext-protobuf",
        StorageKind.PlaintextJson => "plaintext-json",
        StorageKind.Identity => "identity",
        StorageKind.AesCbc => "aescbc",
        StorageKind.AesGcm => "aesgcm",
        StorageKind.Secretbox => "secretbox",
        StorageKind.KmsV1 => "kms-v1",
        StorageKind.KmsV2 => "kms-v2",
        StorageKind.Unknown => "unknown",
        _ => "malformed",
    };

    /// <summary>True for the kinds that are encryption for certain; unknown and malformed are not.</summary>
    internal static bool IsEncrypted(this StorageKind kind) =>
        kind is StorageKind.AesCbc or StorageKind.AesGcm or StorageKind.Secretbox or StorageKind.KmsV1 or StorageKind.KmsV2;
}
