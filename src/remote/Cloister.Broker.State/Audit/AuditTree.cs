using System.Text.Json;
using System.Text.Json.Serialization;
using Cloister.Audit;

namespace Cloister.Broker.State.Audit;

/// <summary>The Merkle tree over the log's entries: enough of it to add entries, and to see whether a log goes on from it. Not to be changed once it is shared. secrets: none.</summary>
public sealed class AuditTree
{
    private AuditHead? _head;

    /// <summary>A tree.</summary>
    /// <param name="edge">Its right edge.</param>
    /// <param name="last">The hash of its last entry, 32 bytes; zeros before the first.</param>
    /// <exception cref="FormatException">The hash is not 32 bytes.</exception>
    public AuditTree(MerkleEdge edge, byte[] last)
    {
        (Edge, Last) = (edge, last);
        if (last.Length != AuditEncoding.HashSize)
            throw new FormatException("a hash is 32 bytes");
    }

    /// <summary>The edge.</summary>
    public MerkleEdge Edge { get; }

    /// <summary>The hash of the last entry.</summary>
    public byte[] Last { get; private set; }

    /// <summary>Entries.</summary>
    public long Size => Edge.Size;

    /// <summary>Size and root.</summary>
    public AuditHead Head => _head ??= AuditHead.Of(Edge);

    internal static AuditTree Empty => new(new MerkleEdge(), new byte[AuditEncoding.HashSize]);

    /// <summary>From a row of the database.</summary>
    /// <exception cref="FormatException">It is no tree.</exception>
    internal static AuditTree Of(long size, byte[] edge, byte[] last) => new(new MerkleEdge(size, edge.Chunk(AuditEncoding.HashSize)), last);

    internal byte[] EdgeBytes() => [.. Edge.Hashes.SelectMany(hash => hash)];

    internal void Append(byte[] hash)
    {
        Edge.Append(hash);
        Last = hash;
        _head = null;
    }

    internal AuditTree Clone() => new(Edge.Clone(), Last);
}

/// <summary>What a broker remembers outside of the database: the newest head that it signed. secrets: none.</summary>
/// <param name="Origin">Which log.</param>
/// <param name="Size">Entries.</param>
/// <param name="Edge">The tree's right edge.</param>
/// <param name="Last">The hash of the last entry.</param>
public sealed record RememberedHead(string Origin, long Size, IReadOnlyList<byte[]> Edge, byte[] Last)
{
    /// <summary>Of a tree.</summary>
    public static RememberedHead Of(string origin, AuditTree tree) => new(origin, tree.Size, tree.Edge.Hashes, tree.Last);

    /// <summary>The tree.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public AuditTree Tree() => new(new MerkleEdge(Size, Edge), Last);

    /// <summary>The text of it: JSON.</summary>
    public string ToText() => JsonSerializer.Serialize(this, RememberedHeadJson.Default.RememberedHead) + "\n";

    /// <summary>Reads the text.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static RememberedHead Parse(string text)
    {
        try
        {
            RememberedHead? read = JsonSerializer.Deserialize(text, RememberedHeadJson.Default.RememberedHead);
            _ = read?.Tree();
            return read ?? throw new FormatException("it is null");
        }
        catch (JsonException)
        {
            throw new FormatException("it is not the JSON that a broker wrote");
        }
    }
}

/// <summary>Serializers, without reflection.</summary>
[JsonSerializable(typeof(RememberedHead))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
internal sealed partial class RememberedHeadJson : JsonSerializerContext;
