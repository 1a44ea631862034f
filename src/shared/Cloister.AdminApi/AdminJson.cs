using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>Serializers of all messages, without reflection: camelCase, duplicates refused, missing parameters refused.</summary>
[JsonSerializable(typeof(AdminError))]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(AuthorityCertificate))]
[JsonSerializable(typeof(PendingRequest))]
[JsonSerializable(typeof(PendingRequestList))]
[JsonSerializable(typeof(ApprovalRequest))]
[JsonSerializable(typeof(KekSummary))]
[JsonSerializable(typeof(KekList))]
[JsonSerializable(typeof(CreateKekRequest))]
[JsonSerializable(typeof(RotateKekRequest))]
[JsonSerializable(typeof(SetKekPolicyRequest))]
[JsonSerializable(typeof(DestroyKekRequest))]
[JsonSerializable(typeof(DisableKekRequest))]
[JsonSerializable(typeof(ExportKekRequest))]
[JsonSerializable(typeof(ExportedKek))]
[JsonSerializable(typeof(ExportedAuthority))]
[JsonSerializable(typeof(RestoreKekRequest))]
[JsonSerializable(typeof(DrillRequest))]
[JsonSerializable(typeof(DrillResult))]
[JsonSerializable(typeof(PolicyDocument))]
[JsonSerializable(typeof(PolicyList))]
[JsonSerializable(typeof(SetPolicyRequest))]
[JsonSerializable(typeof(DryRunRequest))]
[JsonSerializable(typeof(DryRunResult))]
[JsonSerializable(typeof(EnclaveList))]
[JsonSerializable(typeof(FleetForecast))]
[JsonSerializable(typeof(CollateralStatus))]
[JsonSerializable(typeof(RevocationList))]
[JsonSerializable(typeof(RevokeRequest))]
[JsonSerializable(typeof(LiftRequest))]
[JsonSerializable(typeof(ChangeResult))]
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.General,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 32)]
public sealed partial class AdminJson : JsonSerializerContext;
