namespace Cloister.Audit;

/// <summary>What became of checking an audit log.</summary>
/// <param name="FirstBadSeq">The first entry that is missing, changed, out of place or contradicted by a checkpoint; null if the log is good.</param>
/// <param name="Problem">What is wrong with it, or null.</param>
/// <param name="LastSeq">The last entry that was found good.</param>
/// <param name="LastCheckpointSeq">Up to here signatures vouch; entries after it could have been cut off unnoticed. 0: none.</param>
public sealed record AuditVerdict(long? FirstBadSeq, string? Problem, long LastSeq, long LastCheckpointSeq)
{
    /// <summary>What the log is after the last entry that was found good.</summary>
    public AuditHead Head { get; init; } = AuditHead.Empty;

    /// <summary>Up to here entries have hashes only: their contents were deleted. 0: none.</summary>
    public long PrunedTo { get; init; }

    /// <summary>Whether the log is good.</summary>
    public bool IsGood => FirstBadSeq is null;
}
