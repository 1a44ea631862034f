namespace Cloister.Broker.State.Leases;

/// <summary>Which leases, and which part of them.</summary>
public sealed record LeaseQuery
{
    /// <summary>Only those that end after this; null: all.</summary>
    public DateTimeOffset? EndingAfter { get; init; }

    /// <summary>Only those that end at this time or before; null: all.</summary>
    public DateTimeOffset? EndingUntil { get; init; }

    /// <summary>Only those of a cluster; null: of all.</summary>
    public string? Cluster { get; init; }

    /// <summary>Only those of a KEK; null: of all.</summary>
    public string? Kek { get; init; }

    /// <summary>Only those whose id, instance, measurement or platform begins so; null: all.</summary>
    public string? Prefix { get; init; }

    /// <summary>How many are passed over.</summary>
    public long Skip { get; init; }

    /// <summary>At most so many, from 1.</summary>
    public int Most { get; init; } = 50;
}

/// <summary>A part of the leases.</summary>
/// <param name="Leases">The last renewed first.</param>
/// <param name="Total">How many there are in all.</param>
public sealed record LeasePage(IReadOnlyList<LeaseRecord> Leases, long Total);

/// <summary>How many leases are alike.</summary>
/// <param name="Kek">Their KEK.</param>
/// <param name="Cluster">Their cluster.</param>
/// <param name="Tee">Their kind of TEE.</param>
/// <param name="Measurement">Their measurement.</param>
/// <param name="Count">How many.</param>
/// <param name="WithOtherRoots">How many of them may rest on roots besides the vendors'.</param>
public sealed record LeaseCount(string Kek, string Cluster, string Tee, string Measurement, long Count, long WithOtherRoots);
