using Amazon.Runtime;

namespace Cloister.KeyStores.Aws;

/// <summary>Which AWS KMS, and who asks.</summary>
public sealed record AwsKmsOptions
{
    /// <summary>The region, as <c>eu-central-1</c>.</summary>
    public required string Region { get; init; }

    /// <summary>Another endpoint than the region's; https, or http on loopback.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Whose name calls are made in; null: as the SDK finds it in the environment.</summary>
    public AWSCredentials? Credentials { get; init; }

    /// <summary>What aliases of KEKs begin with, before the fingerprint.</summary>
    public string AliasPrefix { get; init; } = "alias/cloister/";

    /// <summary>Days between the destruction of a KEK and the end of its key, 7 to 30. The alias is gone at once.</summary>
    public int DeletionDays { get; init; } = 7;

    /// <summary>How long an attempt may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}
