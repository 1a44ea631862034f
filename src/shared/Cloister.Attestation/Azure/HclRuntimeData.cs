using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Azure;

/// <summary>
/// What the paravisor says of the VM: the vTPM's attestation key (<c>HCLAkPub</c>), how the VM was configured, and 64 bytes that the guest may have written. JSON,
/// covered by the report data of the hardware's report. Fields that are not known are passed over, since newer paravisors add some; a field that is there twice is refused.
/// </summary>
public sealed class HclRuntimeData
{
    /// <summary>Largest runtime data read, in bytes.</summary>
    public const int MaximumLength = 16 * 1024;

    private const string Structure = "runtime_data";
    private const int MaximumTextLength = 256;

    private HclRuntimeData(RSAParameters attestationKey, ClaimSet configuration, ReadOnlyMemory<byte>? userData)
    {
        AttestationKey = attestationKey;
        Configuration = configuration;
        UserData = userData;
    }

    /// <summary>The vTPM's attestation key: RSA of 2048 to 4096 bits, exponent 65537.</summary>
    public RSAParameters AttestationKey { get; }

    /// <summary>The VM's configuration: <c>vm_secure_boot</c>, <c>vm_unique_id</c> and so on; what the paravisor says, by its names in snake_case behind <c>vm_</c>.</summary>
    public ClaimSet Configuration { get; }

    /// <summary>64 bytes that the guest wrote before the report was made, zeros when it wrote none; null when the paravisor has no such field.</summary>
    public ReadOnlyMemory<byte>? UserData { get; }

    /// <summary>Reads runtime data.</summary>
    /// <param name="json">As it was hashed.</param>
    /// <exception cref="EvidenceFormatException">It is no such JSON, has no attestation key or two, or a field is not as specified.</exception>
    public static HclRuntimeData Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = AzureJson.Parse(json, Structure, MaximumLength);
        JsonElement root = document.RootElement;
        return new HclRuntimeData(ReadKey(root), ReadConfiguration(root), ReadUserData(root));
    }

    private static RSAParameters ReadKey(JsonElement root)
    {
        if (!root.TryGetProperty("keys", out JsonElement keys) || keys.ValueKind != JsonValueKind.Array || keys.GetArrayLength() > 16)
        {
            throw Error("keys", "not a list of at most 16 keys");
        }

        JsonElement? found = null;
        foreach (JsonElement key in keys.EnumerateArray())
        {
            if (key.ValueKind != JsonValueKind.Object)
            {
                throw Error("keys", "a key is no object");
            }

            if (AzureJson.Text(key, "kid", Structure, MaximumTextLength) == "HCLAkPub")
            {
                found = found is null ? key : throw Error("keys", "two keys are called HCLAkPub");
            }
        }

        JsonElement jwk = found ?? throw Error("keys", "no key is called HCLAkPub");
        bool signs = jwk.TryGetProperty("key_ops", out JsonElement uses) && uses.ValueKind == JsonValueKind.Array && uses.GetArrayLength() == 1
            && uses[0].ValueKind == JsonValueKind.String && uses[0].ValueEquals("sign");
        if (AzureJson.Text(jwk, "kty", Structure, MaximumTextLength) != "RSA" || !signs)
        {
            throw Error("keys.HCLAkPub", "not an RSA key that signs and does nothing else");
        }

        byte[] modulus = AzureJson.Base64(jwk, "n", Structure, 512);
        byte[] exponent = AzureJson.Base64(jwk, "e", Structure, 3);
        return modulus.Length is >= 256 and <= 512 && modulus[0] >= 0x80 && exponent is [0x01, 0x00, 0x01]
            ? new RSAParameters { Modulus = modulus, Exponent = exponent }
            : throw Error("keys.HCLAkPub", "not an RSA key of 2048 to 4096 bits with exponent 65537");
    }

    private static ClaimSet ReadConfiguration(JsonElement root)
    {
        if (!root.TryGetProperty("vm-configuration", out JsonElement fields) || fields.ValueKind != JsonValueKind.Object)
        {
            throw Error("vm-configuration", "no object");
        }

        ClaimSet claims = [];
        foreach (JsonProperty field in fields.EnumerateObject())
        {
            string name = ClaimNames.VmPrefix + SnakeCase(field.Name);
            if (claims.Count == 64 || claims.TryGet(name, out _))
            {
                throw Error("vm-configuration", "more than 64 fields, or two that differ only in how they are written");
            }

            switch (field.Value.ValueKind)
            {
                case JsonValueKind.True or JsonValueKind.False:
                    claims.Add(name, field.Value.GetBoolean());
                    break;
                case JsonValueKind.String:
                    claims.Add(name, AzureJson.Text(fields, field.Name, Structure, MaximumTextLength));
                    break;
                case JsonValueKind.Number when field.Value.TryGetUInt64(out ulong number):
                    claims.Add(name, number);
                    break;
            }
        }

        return claims;
    }

    // secure-boot and vmUniqueId are both what the paravisor writes: vm_secure_boot, vm_unique_id.
    private static string SnakeCase(string name)
    {
        if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            throw Error("vm-configuration", "a field's name is not of letters, digits, hyphens");
        }

        string snake = string.Concat(name.Select((c, i) => c == '-' ? "_" : char.IsAsciiLetterUpper(c) ? $"{(i > 0 ? "_" : "")}{char.ToLowerInvariant(c)}" : $"{c}"));
        return snake.StartsWith(ClaimNames.VmPrefix, StringComparison.Ordinal) ? snake[ClaimNames.VmPrefix.Length..] : snake;
    }

    private static ReadOnlyMemory<byte>? ReadUserData(JsonElement root) =>
        !root.TryGetProperty("user-data", out JsonElement value) ? null
        : value.ValueKind == JsonValueKind.String && value.GetString() is { Length: 128 } text && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text)
        : throw Error("user-data", "not 64 bytes in hex");

    private static EvidenceFormatException Error(string field, string problem) => new($"{Structure}.{field}", 0, problem);
}
