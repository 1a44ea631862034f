using Cloister.Audit;

namespace Cloister.Broker.State.Sql;

/// <summary>An audit entry as the database gives it.</summary>
internal sealed class AuditRow
{
    public const string Columns = "Seq, LoggedAt, Kind, Details, Previous, Hash";

    public long Seq { get; set; }

    public long LoggedAt { get; set; }

    public string Kind { get; set; } = "";

    public string Details { get; set; } = "";

    public byte[] Previous { get; set; } = [];

    public byte[] Hash { get; set; } = [];

    public AuditEntry ToEntry() => new(Seq, LoggedAt, Kind, Details, Previous, Hash);
}
