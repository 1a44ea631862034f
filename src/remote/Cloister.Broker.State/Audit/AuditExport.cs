using Cloister.Audit;

namespace Cloister.Broker.State.Audit;

/// <summary>Writes an audit log as <see cref="AuditLines"/>. secrets: none.</summary>
public static class AuditExport
{
    /// <summary>Writes the log from an entry on, each checkpoint after its entry.</summary>
    /// <param name="log">The log.</param>
    /// <param name="output">Takes the lines.</param>
    /// <param name="authority">The first line, or null for none: who signs the checkpoints.</param>
    /// <param name="fromSeq">The first entry, from 1.</param>
    /// <param name="cancellation">Stops writing.</param>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    public static async Task WriteAsync(IAuditLog log, TextWriter output, AuditAuthority? authority, long fromSeq, CancellationToken cancellation)
    {
        if (authority is not null)
        {
            await WriteLineAsync(new AuditLine(Authority: authority));
        }

        // Checkpoints first: one that is signed meanwhile would name an entry that was not written.
        var checkpoints = new Queue<AuditCheckpoint>((await log.ListCheckpointsAsync(cancellation)).Where(checkpoint => checkpoint.Size >= fromSeq));
        await foreach (AuditLine line in log.ExportAuditAsync(fromSeq, cancellation))
        {
            await WriteLineAsync(line);
            while (checkpoints.TryPeek(out AuditCheckpoint? checkpoint) && checkpoint.Size <= (line.Entry?.Seq ?? line.Pruned?.Last ?? 0))
            {
                await WriteLineAsync(new AuditLine(Checkpoint: checkpoints.Dequeue().Note.ToString()));
            }
        }

        foreach (AuditCheckpoint checkpoint in checkpoints)
        {
            await WriteLineAsync(new AuditLine(Checkpoint: checkpoint.Note.ToString()));
        }

        await output.FlushAsync(cancellation);

        Task WriteLineAsync(AuditLine line) => output.WriteAsync((AuditLines.Write(line) + "\n").AsMemory(), cancellation);
    }
}
