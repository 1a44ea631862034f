using Cloister.Audit;

namespace Cloister.Broker.State.Audit;

/// <summary>Which entries of the audit log are looked for.</summary>
public sealed record AuditQuery
{
    /// <summary>Those before this entry; null: from the newest on.</summary>
    public long? Before { get; init; }

    /// <summary>Only of this kind; null: of every kind.</summary>
    public string? Kind { get; init; }

    /// <summary>Only those whose details have this text; null: all.</summary>
    public string? Text { get; init; }

    /// <summary>At most so many, from 1.</summary>
    public int Most { get; init; } = 50;

    /// <summary>At most so many entries are looked at, from 1.</summary>
    public int Look { get; init; } = 20_000;
}

/// <summary>What was found.</summary>
/// <param name="Entries">The newest first.</param>
/// <param name="Next">The entry to ask before of for more; null: there is nothing before.</param>
public sealed record AuditFinding(IReadOnlyList<AuditEntry> Entries, long? Next);
