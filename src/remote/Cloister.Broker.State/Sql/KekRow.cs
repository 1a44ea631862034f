using Cloister.Broker.State.Keks;

namespace Cloister.Broker.State.Sql;

/// <summary>A version of a KEK, with the KEK, as the database gives them.</summary>
internal sealed class KekRow
{
    public const string Columns =
        """
        k.Name, k.Cluster, k.Store, k.Policy, k.Releasable, k.CreatedAt AS KekCreatedAt, k.Revision, k.HighestActive,
        v.Version, v.Generation, v.State, v.CreatedAt, v.ActiveAt, v.DestroyAt
        """;

    public const string From = "FROM Keks k JOIN KekVersions v ON v.Name = k.Name";

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

    public long Revision { get; set; }

    public long HighestActive { get; set; }

    public long Version { get; set; }

    public string Generation { get; set; } = "";

    public string State { get; set; } = "";

    public long CreatedAt { get; set; }

    public long ActiveAt { get; set; }

    public long? DestroyAt { get; set; }

    public KekRecord ToRecord() => new(Name, Cluster, Store, Policy, Releasable != 0, Time(KekCreatedAt));

    public KekVersion ToVersion() =>
        new(Name, checked((int)Version), Generation, ParseState(State), Time(CreatedAt), Time(ActiveAt), DestroyAt is { } at ? Time(at) : null);

    /// <summary>KEKs from rows that are ordered by name and version.</summary>
    public static IReadOnlyList<Kek> ToKeks(IReadOnlyList<KekRow> rows) =>
        [.. rows.GroupBy(row => row.Name, StringComparer.Ordinal)
            .Select(kek => new Kek(kek.First().ToRecord(), [.. kek.Select(row => row.ToVersion())], Etag(kek.First().Revision))
            {
                HighestActive = checked((int)kek.First().HighestActive),
            })];

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
