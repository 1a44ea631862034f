namespace Cloister.Cli.Etcd;

/// <summary>What coverage is held against.</summary>
/// <param name="Requirement">What has to hold for every key.</param>
/// <param name="Provider">Name of the KMS provider, or null for any.</param>
/// <param name="Current">The key_ids that writes use now, or null when they were not told.</param>
/// <param name="Verify">Whether the enclave is asked what opens.</param>
internal sealed record CoverageRules(Requirement Requirement, string? Provider, CurrentKeyIds? Current, bool Verify = false)
{
    /// <summary>
    /// True when it has to be written again for the KEK of its namespace, also when that is not in the enclave; null when that cannot be told or
    /// does not apply.
    /// </summary>
    internal bool? IsStale(Storage storage, ReadOnlySpan<byte> etcdKey) =>
        Current is null || storage.Kind != StorageKind.KmsV2 || !OfProvider(storage) ? null : storage.KeyId != Current.For(etcdKey);

    /// <summary>True when the requirement holds for such a value.</summary>
    internal bool Holds(Storage storage, ReadOnlySpan<byte> etcdKey) => Requirement switch
    {
        Requirement.Encrypted => storage.Kind.IsEncrypted(),
        Requirement.Provider => storage.Kind is StorageKind.KmsV1 or StorageKind.KmsV2 && Provider is not null && storage.Provider == Provider,
        Requirement.Current => IsStale(storage, etcdKey) == false,
        _ => false,
    };

    private bool OfProvider(Storage storage) => Provider is null || storage.Provider == Provider;
}
