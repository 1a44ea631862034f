using Cloister.Audit;

namespace Cloister.Cli.Administration;

/// <summary>Checks an exported log, alone or against what was kept of it elsewhere.</summary>
/// <param name="Pin">The broker's.</param>
/// <param name="Witnesses">Whose cosignatures there have to be.</param>
/// <param name="First">The first entry there has to be.</param>
internal sealed record AuditCheck(string Pin, IReadOnlyList<NoteKey> Witnesses, long First)
{
    /// <summary>Checks.</summary>
    /// <param name="file">The export.</param>
    /// <param name="continues">An earlier one that it has to extend, or null.</param>
    /// <param name="checkpoints">A file with checkpoints that it has to be in keeping with, or null.</param>
    internal AuditVerdict Run(string file, string? continues, string? checkpoints)
    {
        try
        {
            IEnumerable<string> lines = File.ReadLines(file);
            AuditClaim[] claims = continues is null ? [] : [Earlier(continues)];
            AuditVerdict verdict = AuditLines.Verify(lines, Pin, First, checkpoints is null ? null : File.ReadLines(checkpoints), claims);

            // Nothing was found to be wrong, and nothing is shown.
            return verdict.IsGood && verdict.LastSeq < First
                ? verdict with { FirstBadSeq = First, Problem = "there are no entries: a log without any shows nothing" }
                : verdict.IsGood && Witnesses.FirstOrDefault(witness => !IsCosigned(lines.Concat(checkpoints is null ? [] : File.ReadLines(checkpoints)), witness)) is { } missing
                    ? verdict with { FirstBadSeq = verdict.LastSeq, Problem = $"no checkpoint in it has a cosignature of the witness {missing.Name}" }
                    : verdict;
        }
        catch (FormatException e)
        {
            return new AuditVerdict(First, e.Message, First - 1, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(e.Message);
        }
    }

    private AuditClaim Earlier(string file)
    {
        IEnumerable<string> lines = File.ReadLines(file);
        AuditVerdict verdict = AuditLines.Verify(lines, Pin, AuditLines.FirstOf(lines));
        return verdict.IsGood
            ? new AuditClaim(verdict.Head, "the earlier export")
            : throw new FormatException($"the earlier export is not good itself: entry {verdict.FirstBadSeq}: {verdict.Problem}");
    }

    // Verified by the broker's key already.
    private static bool IsCosigned(IEnumerable<string> lines, NoteKey witness) =>
        lines.Select((line, index) => AuditLines.Parse(line, index + 1)).Any(line => line.Checkpoint is { } note && SignedNote.Parse(note).IsSignedBy(witness));
}
