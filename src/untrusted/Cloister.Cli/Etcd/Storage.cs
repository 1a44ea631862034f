namespace Cloister.Cli.Etcd;

/// <summary>How one value is stored. Values of the same storage are equal.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Provider">Name of the KMS provider, or of the key (aescbc, aesgcm, secretbox); empty when there is none.</param>
/// <param name="KeyId">KMS v2: the key_id that is stored with the value; else empty.</param>
/// <param name="Kek">The fingerprint of the KEK, hexadecimal, when the EDEK is Cloister's; else empty.</param>
internal sealed record Storage(StorageKind Kind, string Provider = "", string KeyId = "", string Kek = "");
