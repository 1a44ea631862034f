namespace Cloister.Enclave.Custody.Values;

/// <summary>How long a seed is written with, and how many are kept for reads. secrets: none.</summary>
/// <param name="MaxAge">After that a new seed is made.</param>
/// <param name="MaxWrites">Values that one seed encrypts at most.</param>
/// <param name="CacheCapacity">Seeds of read values that are kept; the arena needs as many slots, one for writes and one for each call at a time.</param>
public sealed record SeedOptions(TimeSpan MaxAge, int MaxWrites, int CacheCapacity)
{
    /// <summary>An hour, 100,000 values, 1024 seeds.</summary>
    public static SeedOptions Default { get; } = new(TimeSpan.FromHours(1), 100_000, 1024);
}
