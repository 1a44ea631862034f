using System.Text.Json.Serialization;

namespace Cloister.Enclave.Sim;

/// <summary>
/// The state of the software KMS, as its file has it. Tests and developers change the file to rotate, disable or silence the KMS; it is
/// read again when it changed.
/// </summary>
internal sealed record SoftwareKmsFile
{
    public string Warning { get; init; } = "development only: KEKs in clear";

    public string Name { get; init; } = "software-kms";

    public uint Active { get; init; } = 1;

    public bool Disabled { get; init; }

    public bool Unreachable { get; init; }

    public IReadOnlyList<Version> Keks { get; init; } = [];

    internal sealed record Version(uint Number, string Generation, string Key);
}

/// <summary>Serializer for the file, without reflection.</summary>
[JsonSerializable(typeof(SoftwareKmsFile))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class SoftwareKmsFileContext : JsonSerializerContext;
