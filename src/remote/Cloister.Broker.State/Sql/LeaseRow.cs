using Cloister.Broker.State.Leases;

namespace Cloister.Broker.State.Sql;

/// <summary>A lease as the database has it.</summary>
internal sealed class LeaseRow
{
    public const string Columns =
        "Id, Instance, Cluster, Provider, Kek, Tee, Measurement, Platform, ConfigDigest, Policy, FirstAt, RenewedAt, ExpiresAt, Renewals, Wraps, Unwraps, WrapsAllowed, UnwrapsAllowed, OtherRoots";

    public string Id { get; set; } = "";

    public string Instance { get; set; } = "";

    public string Cluster { get; set; } = "";

    public string Provider { get; set; } = "";

    public string Kek { get; set; } = "";

    public string Tee { get; set; } = "";

    public string Measurement { get; set; } = "";

    public string Platform { get; set; } = "";

    public string ConfigDigest { get; set; } = "";

    public string Policy { get; set; } = "";

    public long FirstAt { get; set; }

    public long RenewedAt { get; set; }

    public long ExpiresAt { get; set; }

    public long Renewals { get; set; }

    public long Wraps { get; set; }

    public long Unwraps { get; set; }

    public long WrapsAllowed { get; set; }

    public long UnwrapsAllowed { get; set; }

    public string OtherRoots { get; set; } = "";

    public static LeaseRow From(LeaseRecord lease) => new()
    {
        Id = lease.Id, Instance = lease.Instance, Cluster = lease.Cluster, Provider = lease.Provider, Kek = lease.Kek, Tee = lease.Tee,
        Measurement = lease.Measurement, Platform = lease.Platform, ConfigDigest = lease.ConfigDigest, Policy = lease.Policy,
        FirstAt = lease.FirstAt.ToUnixTimeMilliseconds(), RenewedAt = lease.RenewedAt.ToUnixTimeMilliseconds(),
        ExpiresAt = lease.ExpiresAt.ToUnixTimeMilliseconds(), Renewals = 0, Wraps = lease.Wraps, Unwraps = lease.Unwraps,
        WrapsAllowed = lease.WrapsAllowed, UnwrapsAllowed = lease.UnwrapsAllowed, OtherRoots = lease.OtherRoots,
    };

    public IReadOnlyList<(string Name, object? Value)> Parameters =>
    [
        (nameof(Id), Id), (nameof(Instance), Instance), (nameof(Cluster), Cluster), (nameof(Provider), Provider), (nameof(Kek), Kek), (nameof(Tee), Tee),
        (nameof(Measurement), Measurement), (nameof(Platform), Platform), (nameof(ConfigDigest), ConfigDigest), (nameof(Policy), Policy),
        (nameof(FirstAt), FirstAt), (nameof(RenewedAt), RenewedAt), (nameof(ExpiresAt), ExpiresAt), (nameof(Renewals), Renewals),
        (nameof(Wraps), Wraps), (nameof(Unwraps), Unwraps), (nameof(WrapsAllowed), WrapsAllowed), (nameof(UnwrapsAllowed), UnwrapsAllowed), (nameof(OtherRoots), OtherRoots),
    ];

    public LeaseRecord ToRecord() => new(
        Id, Instance, Cluster, Provider, Kek, Tee, Measurement, Platform, ConfigDigest, Policy,
        Time(FirstAt), Time(RenewedAt), Time(ExpiresAt), Renewals, Wraps, Unwraps)
    {
        WrapsAllowed = WrapsAllowed, UnwrapsAllowed = UnwrapsAllowed, OtherRoots = OtherRoots,
    };

    private static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
