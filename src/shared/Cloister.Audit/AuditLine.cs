using System.Text.Json.Serialization;

namespace Cloister.Audit;

/// <summary>A line of an exported log: one of these. secrets: none.</summary>
/// <param name="Authority">Who signs the checkpoints.</param>
/// <param name="Edge">Where a part of a log begins.</param>
/// <param name="Pruned">Entries whose contents were deleted.</param>
/// <param name="Entry">An entry.</param>
/// <param name="Checkpoint">A checkpoint: the signed note.</param>
public sealed record AuditLine(
    AuditAuthority? Authority = null, AuditEdge? Edge = null, PrunedEntries? Pruned = null, AuditEntry? Entry = null, string? Checkpoint = null);

/// <summary>Who signs the checkpoints of a log. To be believed only if the authority's pin is known from elsewhere.</summary>
/// <param name="PublicKey">SubjectPublicKeyInfo of the broker's authority, ECDSA P-256.</param>
/// <param name="CheckpointKey">The key of checkpoints, as <see cref="NoteKey"/> writes it.</param>
/// <param name="Signature">By the authority, over <see cref="AuditEncoding.CheckpointKeyMessage"/>: ECDSA with SHA-256, r and s, 64 bytes.</param>
public sealed record AuditAuthority(byte[] PublicKey, string CheckpointKey, byte[] Signature);

/// <summary>The edge of the tree before the first entry of a part of a log.</summary>
/// <param name="Size">Entries before.</param>
/// <param name="Hashes">As <see cref="MerkleEdge"/> has them.</param>
public sealed record AuditEdge(long Size, IReadOnlyList<byte[]> Hashes);

/// <summary>Entries whose contents were deleted and whose hashes are kept.</summary>
/// <param name="First">Number of the first.</param>
/// <param name="Hashes">The hashes of the entries, one after the other, 32 bytes each.</param>
public sealed record PrunedEntries(long First, byte[] Hashes)
{
    /// <summary>Number of the last.</summary>
    [JsonIgnore]
    public long Last => First + (Hashes.Length / AuditEncoding.HashSize) - 1;
}

/// <summary>Serializers of lines, without reflection.</summary>
[JsonSerializable(typeof(AuditLine))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
internal sealed partial class AuditJson : JsonSerializerContext;
