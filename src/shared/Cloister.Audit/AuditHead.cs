using System.Security.Cryptography;

namespace Cloister.Audit;

/// <summary>What a log is at a size: any change to what it holds changes the root. secrets: none.</summary>
/// <param name="Size">Entries.</param>
/// <param name="Root">Root of the tree over their hashes, 32 bytes.</param>
public sealed record AuditHead(long Size, byte[] Root)
{
    /// <summary>Of a log without entries.</summary>
    public static AuditHead Empty { get; } = new(0, SHA256.HashData([]));

    /// <summary>Of an edge.</summary>
    public static AuditHead Of(MerkleEdge edge) => new(edge.Size, edge.Root());

    /// <inheritdoc />
    public bool Equals(AuditHead? other) => other is not null && Size == other.Size && Root.AsSpan().SequenceEqual(other.Root);

    /// <inheritdoc />
    public override int GetHashCode() => Size.GetHashCode();
}
