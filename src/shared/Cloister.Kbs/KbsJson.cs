using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.Kbs;

/// <summary>
/// Serializers of all messages, without reflection: camelCase, duplicates refused, missing parameters refused. Metadata only: the generated writers
/// write <c>""</c> for a byte array that is null, and <c>null</c> is what says that an item was not authentic.
/// </summary>
[JsonSerializable(typeof(AuthRequest))]
[JsonSerializable(typeof(Challenge))]
[JsonSerializable(typeof(AttestRequest))]
[JsonSerializable(typeof(TokenResponse))]
[JsonSerializable(typeof(FlattenedJwe))]
[JsonSerializable(typeof(KbsError))]
[JsonSerializable(typeof(StatementEnvelope))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(LeaseResponse))]
[JsonSerializable(typeof(LeaseTerms))]
[JsonSerializable(typeof(WatchRequest))]
[JsonSerializable(typeof(WatchResponse))]
[JsonSerializable(typeof(CertificateRequestMessage))]
[JsonSerializable(typeof(CertificateChain))]
[JsonSerializable(typeof(CryptoRequest))]
// Not on the fast path, which writes an item that is null as an empty text.
[JsonSerializable(typeof(CryptoResponse), GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.General,
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 32)]
public sealed partial class KbsJson : JsonSerializerContext;
