namespace Cloister.Collateral;

/// <summary>How long collateral is kept.</summary>
public sealed record VerifiedCollateralCacheOptions
{
    /// <summary>Collateral is fetched again after this time even when it is still valid, so that a recovery at the vendor arrives before the month is over.</summary>
    public TimeSpan RefreshAfter { get; init; } = TimeSpan.FromHours(12);

    /// <summary>After a failed fetch the next one waits this long; meanwhile collateral that is still valid is used.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many platform models are kept.</summary>
    public int MaximumEntries { get; init; } = 1024;

    /// <summary>How long a failure counts for a model of which nothing is here.</summary>
    public TimeSpan FailureFor { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long that the source has nothing for a model.</summary>
    public TimeSpan AbsentFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many models are fetched at a time for strangers; the others are told to come back.</summary>
    public int FetchesForStrangers { get; init; } = 4;
}
