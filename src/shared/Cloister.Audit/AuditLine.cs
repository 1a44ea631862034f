using System.Text.Json.Serialization;

namespace Cloister.Audit;

/// <summary>A line of an exported log: one of the three. secrets: none.</summary>
/// <param name="Authority">Who signs the checkpoints.</param>
/// <param name="Entry">An entry.</param>
/// <param name="Checkpoint">A checkpoint.</param>
public sealed record AuditLine(AuditAuthority? Authority = null, AuditEntry? Entry = null, AuditCheckpoint? Checkpoint = null);

/// <summary>Who signs the checkpoints of a log. To be believed only if its pin is known from elsewhere.</summary>
/// <param name="PublicKey">SubjectPublicKeyInfo, ECDSA P-256.</param>
public sealed record AuditAuthority(byte[] PublicKey);

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
