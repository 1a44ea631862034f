using Cloister.Broker.State.Keks;

namespace Cloister.Broker.State.Sql;

/// <summary>A version of a KEK, with the KEK, as the database gives them.</summary>
internal sealed class KekRow
{
    public const string Columns =
        """
        k.Name, k.Cluster, k.Store, k.Policy, k.Releasable, k.CreatedAt AS KekCreatedAt, k.NextVersion, k.Revision, k.HighestActive,
        v.Version, v.Generation, v.State, v.CreatedAt, v.ActiveAt, v.DestroyAt, v.Commitment
        """;

    public const string From = "FROM Keks k JOIN KekVersions v ON v.Name = k.Name";

    public const string UpsertKek =
        """
        INSERT INTO Keks (Name, Cluster, Store, Policy, Releasable, CreatedAt, NextVersion, Revision, HighestActive)
        VALUES (@Name, @Cluster, @Store, @Policy, @Releasable, @KekCreatedAt, @NextVersion, @Revision, @HighestActive)
        ON CONFLICT (Name) DO UPDATE SET Cluster = excluded.Cluster, Store = excluded.Store, Policy = excluded.Policy, Releasable = excluded.Releasable,
            CreatedAt = excluded.CreatedAt, NextVersion = excluded.NextVersion, Revision = excluded.Revision, HighestActive = excluded.HighestActive
        """;

    public const string UpsertVersion =
        """
        INSERT INTO KekVersions (Name, Version, Generation, State, CreatedAt, ActiveAt, DestroyAt, Commitment)
        VALUES (@Name, @Version, @Generation, @State, @CreatedAt, @ActiveAt, @DestroyAt, @Commitment)
        ON CONFLICT (Name, Version) DO UPDATE SET Generation = excluded.Generation, State = excluded.State, CreatedAt = excluded.CreatedAt,
            ActiveAt = excluded.ActiveAt, DestroyAt = excluded.DestroyAt, Commitment = excluded.Commitment
        """;

    public const string Enabled = "enabled";
    public const string Disabled = "disabled";
    public const string DestroyScheduled = "destroy-scheduled";
    public const string Destroyed = "destroyed";

    public string Name { get; set; } = "";

    public string Cluster { get; set; } = "";

    public string Store { get; set; } = "";

    public string Policy { get; set; } = "";

    public long Releasable { get; set; }

    public long KekCreatedAt { get; set; }

    public long NextVersion { get; set; }

    public long Revision { get; set; }

    public long HighestActive { get; set; }

    public long Version { get; set; }

    public string Generation { get; set; } = "";

    public string State { get; set; } = "";

    public long CreatedAt { get; set; }

    public long ActiveAt { get; set; }

    public long? DestroyAt { get; set; }

    public string Commitment { get; set; } = "";

    /// <summary>The first row of a KEK that is made at a time; its version's is the one of a version that is enabled.</summary>
    public static KekRow New(KekRecord kek, long createdAt, KekVersion version, string commitment) => new KekRow
    {
        Name = kek.Name, Cluster = kek.Cluster, Store = kek.Store, Policy = kek.Policy, Releasable = kek.Release ? 1 : 0, KekCreatedAt = createdAt, NextVersion = 1, Revision = 1,
    }.With(version, commitment);

    /// <summary>A row with the same KEK, of a version that is enabled.</summary>
    public KekRow With(KekVersion version, string commitment)
    {
        var row = (KekRow)MemberwiseClone();
        (row.Version, row.Generation, row.State, row.Commitment) = (version.Version, version.Generation, Enabled, commitment);
        (row.CreatedAt, row.ActiveAt, row.DestroyAt) = (version.CreatedAt.ToUnixTimeMilliseconds(), version.ActiveAt.ToUnixTimeMilliseconds(), null);
        return row;
    }

    public KekRecord ToRecord() => new(Name, Cluster, Store, Policy, Releasable != 0, Time(KekCreatedAt));

    public KekVersion ToVersion() =>
        new(Name, checked((int)Version), Generation, ParseState(State), Time(CreatedAt), Time(ActiveAt), DestroyAt is { } at ? Time(at) : null);

    public static string Etag(long revision) => $"r{revision}";

    private static KekVersionState ParseState(string text) => text switch
    {
        Enabled => KekVersionState.Enabled,
        Disabled => KekVersionState.Disabled,
        DestroyScheduled => KekVersionState.DestroyScheduled,
        Destroyed => KekVersionState.Destroyed,
        _ => throw new BrokerStateException(BrokerStateError.Unavailable, "the database holds a KEK version in an unknown state"),
    };

    private static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
