namespace Cloister.Cli.Etcd;

/// <summary>What has to hold for every key.</summary>
internal enum Requirement
{
    /// <summary>Encrypted by a provider that is known: not in clear, unknown or malformed.</summary>
    Encrypted,

    /// <summary>By the KMS provider of that name.</summary>
    Provider,

    /// <summary>KMS v2 with the current key_id (and by that provider, when one is named).</summary>
    Current,
}
