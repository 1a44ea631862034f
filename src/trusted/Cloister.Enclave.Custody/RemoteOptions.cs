namespace Cloister.Enclave.Custody;

/// <summary>How custody remote and passthrough use their KMS. Defaults are those of docs/operations.md. secrets: none.</summary>
public sealed record RemoteOptions
{
    /// <summary>Longest wait for one answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often the KMS is asked which KEK version is active.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often an unwrap is tried while all is well; after a failure every <see cref="PollInterval"/>.</summary>
    public TimeSpan TrialInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How soon it is asked again after a failure.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long an answer holds while the KMS is silent; afterwards Status is an error.</summary>
    public TimeSpan MaxStaleness { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>DEKs wrapped ahead, 1 to 4096.</summary>
    public int PoolSize { get; init; } = 64;

    /// <summary>Encryptions one DEK is used for.</summary>
    public int DekMaxUses { get; init; } = 256;

    /// <summary>How long one DEK is used for, counted from its first use.</summary>
    public TimeSpan DekMaxAge { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Unwrapped DEKs kept for reads.</summary>
    public int CacheEntries { get; init; } = 65_536;
}
