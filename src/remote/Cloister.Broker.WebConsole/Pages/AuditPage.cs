using System.Diagnostics;
using System.Globalization;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>An entry, and whether it is what its hash says and follows the one before it.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Problem">What is wrong; null: nothing.</param>
public sealed record AuditLineModel(AuditEntry Entry, string? Problem);

/// <summary>The page of the audit log.</summary>
public sealed record AuditModel(
    IReadOnlyList<AuditLineModel> Lines, bool IsWhole, AuditQuery Query, long? Next, long Size, AuditCheckpoint? Checkpoint, bool IsSigned, IReadOnlyList<CheckpointDelivery> Deliveries)
{
    /// <summary>The address of what is before an entry.</summary>
    internal string Before(long entry) => string.Create(
        CultureInfo.InvariantCulture, $"/console/audit?kind={Text.Part(Query.Kind ?? "")}&has={Text.Part(Query.Text ?? "")}&before={entry}");
}

/// <summary>What came of looking at the whole log.</summary>
public sealed record AuditVerdictModel(AuditVerdict Verdict, TimeSpan Took);

/// <summary>The audit log: for auditors.</summary>
internal sealed class AuditPage(AdministrationServices services)
{
    private const int LongestFilter = 200;

    private int _verifying;

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<AuditList>("/audit", LoadAsync);
        routes.Look<AuditVerified>("/audit/verify", VerifyAsync);
    }

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        AccessActs.RequireAuditor(call.By);
        long size = services.State.Head?.Size ?? 0;
        AuditQuery query = new() { Before = call.Number("before") is > 0 and long before && before <= size ? before : null, Kind = Filter(call, "kind"), Text = Filter(call, "has") };
        AuditFinding found = await services.State.FindAuditAsync(query, call.Aborted);
        AuditCheckpoint? checkpoint = await services.State.LastCheckpointAsync(call.Aborted);
        bool whole = query is { Kind: null, Text: null };
        return new AuditModel(
            Check(found.Entries, whole), whole, query, found.Next, size, checkpoint,
            checkpoint is not null && checkpoint.Note.IsSignedBy(NoteKey.Parse(services.Audit().CheckpointKey)), services.CheckpointDeliveries());
    }

    // Every entry and every checkpoint, as 'cloister audit verify' does. One at a time: it reads the whole log.
    private async Task<object> VerifyAsync(ConsoleCall call)
    {
        AccessActs.RequireAuditor(call.By);
        if (Interlocked.Exchange(ref _verifying, 1) != 0)
        {
            throw new AdministrationException("somebody verifies the log at this moment: wait for them", AdministrationFailure.Unavailable);
        }

        try
        {
            Stopwatch watch = Stopwatch.StartNew();
            IReadOnlyList<AuditCheckpoint> checkpoints = await services.State.ListCheckpointsAsync(call.Aborted);
            NoteKey key = NoteKey.Parse(services.Audit().CheckpointKey);
            AuditVerdict verdict = await Task.Run(
                () => AuditVerifier.Verify(services.State.ExportAuditAsync(1, call.Aborted).ToBlockingEnumerable(call.Aborted), checkpoints, key), call.Aborted);
            return new AuditVerdictModel(verdict, watch.Elapsed);
        }
        finally
        {
            Volatile.Write(ref _verifying, 0);
        }
    }

    private static string? Filter(ConsoleCall call, string name) => call.Filter(name) is { Length: <= LongestFilter } text ? text : null;

    private static IReadOnlyList<AuditLineModel> Check(IReadOnlyList<AuditEntry> entries, bool whole) =>
        [.. entries.Select((entry, i) => new AuditLineModel(entry, ProblemOf(entry, whole && i + 1 < entries.Count ? entries[i + 1] : null)))];

    private static string? ProblemOf(AuditEntry entry, AuditEntry? before)
    {
        try
        {
            return !AuditEncoding.Hash(entry.Seq, entry.Time, entry.Kind, entry.Details, entry.Previous).AsSpan().SequenceEqual(entry.Hash) ? "the entry was changed"
                : before is not null && (before.Seq != entry.Seq - 1 || !before.Hash.AsSpan().SequenceEqual(entry.Previous)) ? "the entry does not follow its predecessor"
                : null;
        }
        catch (ArgumentException)
        {
            return "the entry was changed: it is not Unicode";
        }
    }
}
