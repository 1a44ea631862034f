using Cloister.Audit;

namespace Cloister.Broker.State.Sql;

/// <summary>A checkpoint as the database gives it.</summary>
internal sealed class CheckpointRow
{
    public const string Columns = "Seq, Hash, SignedAt, Signature";

    public long Seq { get; set; }

    public byte[] Hash { get; set; } = [];

    public long SignedAt { get; set; }

    public byte[] Signature { get; set; } = [];

    public AuditCheckpoint ToCheckpoint() => new(Seq, Hash, SignedAt, Signature);
}
