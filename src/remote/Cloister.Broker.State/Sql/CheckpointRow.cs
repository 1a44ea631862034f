using Cloister.Audit;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Sql;

/// <summary>A checkpoint as the database gives it.</summary>
internal sealed class CheckpointRow
{
    public const string Columns = "Size, SignedAt, Edge, Last, Note";

    public long Size { get; set; }

    public long SignedAt { get; set; }

    public byte[] Edge { get; set; } = [];

    public byte[] Last { get; set; } = [];

    public string Note { get; set; } = "";

    public static CheckpointRow Of(AuditCheckpoint checkpoint, AuditTree tree, long time) =>
        new() { Size = tree.Size, SignedAt = time, Edge = tree.EdgeBytes(), Last = tree.Last, Note = checkpoint.Note.ToString() };

    public AuditCheckpoint ToCheckpoint() => Read(() => AuditCheckpoint.Parse(Note));

    public AuditTree ToTree() => Read(() => AuditTree.Of(Size, Edge, Last));

    private T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (FormatException)
        {
            throw new BrokerStateException(BrokerStateError.AuditConflict, $"the database holds a checkpoint of the audit log's entry {Size} that no broker wrote");
        }
    }
}
