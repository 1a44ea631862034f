using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Forms;

/// <summary>Evidence in JSON: Confidential Containers' evidence of each TEE, other tools' files, and what wraps them.</summary>
internal static class JsonForms
{
    private static readonly string[] Wrappers = ["tee-evidence", "primary_evidence", "evidence", "verification_requests", "sgx", "tdx", "snp", "sev-snp", "nitro"];

    // What is known and not read here: by a member that nothing else has.
    private static readonly (string Member, string What)[] Others =
    [
        ("cca_token", "evidence of Arm CCA"),
        ("realm_token", "evidence of Arm CCA"),
        ("hsk_cek", "evidence of Hygon CSV"),
        ("serial_number", "evidence of Hygon CSV"),
        ("image_hdr_tags", "evidence of IBM Secure Execution"),
        ("device_evidence_list", "evidence of a GPU"),
        ("svn", "the sample evidence of Confidential Containers, which no TEE made"),
    ];

    public static EvidenceInput Read(JsonElement json, Tee? expected, int depth)
    {
        if (depth >= EvidenceForms.MaximumDepth)
        {
            throw new EvidenceFormatException("json", 0, $"more than {EvidenceForms.MaximumDepth} forms inside each other");
        }

        return json.ValueKind switch
        {
            JsonValueKind.String => Inner(EvidenceForms.Find(Encoding.UTF8.GetBytes(json.GetString()!), expected, depth + 1)) ?? throw EvidenceForms.Unknown("a JSON string that holds no evidence"),
            JsonValueKind.Array when json.GetArrayLength() == 1 => Read(json[0], expected, depth + 1),
            JsonValueKind.Array when IsBytes(json) => Raw("json", Bytes(json, "json"), expected, depth),
            JsonValueKind.Object => ReadObject(json, expected, depth),
            _ => throw EvidenceForms.Unknown("JSON that is neither an object nor evidence as text"),
        };
    }

    private static EvidenceInput ReadObject(JsonElement json, Tee? expected, int depth)
    {
        byte[] text = Encoding.UTF8.GetBytes(json.GetRawText());
        if (EvidenceInspector.Recognise(text) is { } tee)
        {
            return new EvidenceInput($"JSON of {TeeNames.NameOf(tee)}", tee, text);
        }

        if (json.TryGetProperty("attestation_report", out JsonElement report) && !json.TryGetProperty("serial_number", out _))
        {
            return SevCrate(report, json, expected, depth);
        }

        if (GoMessages.Find(json) is { } message)
        {
            return message;
        }

        if (json.TryGetProperty("measurement", out JsonElement measurement) && measurement.ValueKind == JsonValueKind.Array && json.TryGetProperty("reported_tcb", out _))
        {
            return new EvidenceInput("report of the sev crate as JSON", Tee.Snp, SnpReportJson.Read(json));
        }

        foreach ((string member, string what) in Others)
        {
            if (json.TryGetProperty(member, out _))
            {
                throw EvidenceFormatException.Unsupported($"json.{member}", 0, $"{what}; it is not read here. Forms that are: {string.Join("; ", EvidenceForms.Known)}");
            }
        }

        foreach ((string one, string? beside) in (ReadOnlySpan<(string, string?)>)[("quote", null), ("document", null), ("report", "certs"), ("outblob", "auxblob"), ("OutBlob", "AuxBlob")])
        {
            if (json.TryGetProperty(one, out JsonElement value) && IsBytes(value))
            {
                byte[] table = beside is not null && json.TryGetProperty(beside, out JsonElement more) && more.ValueKind != JsonValueKind.Null ? Bytes(more, beside) : [];
                return Raw(one, [.. Bytes(value, one), .. table], expected, depth);
            }
        }

        foreach (string wrapper in Wrappers)
        {
            if (json.TryGetProperty(wrapper, out JsonElement inside) && inside.ValueKind is JsonValueKind.Object or JsonValueKind.String or JsonValueKind.Array)
            {
                EvidenceInput inner = Read(inside, expected, depth + 1);
                return inner with { Form = $"{inner.Form} in {wrapper}" };
            }
        }

        throw EvidenceForms.Unknown(
            json.TryGetProperty("submods", out _) || json.TryGetProperty("token", out _) ? "the claims of a token are not evidence: 'cloister evidence token' shows them"
            : json.TryGetProperty("tcb_info", out _) || json.TryGetProperty("tcbInfo", out _) || json.TryGetProperty("enclaveIdentity", out _) ? "collateral is not evidence: give it by --collateral"
            : "a JSON object without a member that is known");
    }

    private static EvidenceInput SevCrate(JsonElement report, JsonElement json, Tee? expected, int depth)
    {
        SnpCollateral endorsements = json.TryGetProperty("cert_chain", out JsonElement chain) ? SnpCertificateChainJson.Read(chain) : SnpCollateral.None;
        EvidenceInput read = report.ValueKind == JsonValueKind.Object
            ? new EvidenceInput("attestation_report of the sev crate as JSON", Tee.Snp, SnpReportJson.Read(report))
            : Raw("attestation_report", Bytes(report, "attestation_report"), expected, depth);
        return read with { Endorsements = endorsements };
    }

    private static EvidenceInput Raw(string member, byte[] bytes, Tee? expected, int depth) =>
        EvidenceForms.Find(bytes, expected, depth + 1) is { } inner
            ? inner with { Form = $"{inner.Form} in JSON, {member}" }
            : throw EvidenceForms.Unknown($"JSON whose {member} is no evidence that is known");

    private static EvidenceInput? Inner(EvidenceInput? inner) => inner is null ? null : inner with { Form = $"{inner.Form} in a JSON string" };

    private static bool IsBytes(JsonElement value) =>
        value.ValueKind == JsonValueKind.String || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 1 && value[0].ValueKind == JsonValueKind.Number);

    /// <summary>Base64, base64url or hexadecimal; or an array of bytes, as serde writes them.</summary>
    internal static byte[] Bytes(JsonElement value, string member)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            byte[] text = Encoding.UTF8.GetBytes(value.GetString()!);
            return text.Length == 0 ? [] : TextForms.FromHex(text) ?? TextForms.FromBase64(text) ?? throw new EvidenceFormatException($"json.{member}", 0, "neither base64 nor hexadecimal");
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > EvidenceForms.MaximumLength)
        {
            throw new EvidenceFormatException($"json.{member}", 0, "neither text nor an array of bytes");
        }

        byte[] bytes = new byte[value.GetArrayLength()];
        return JsonBytes.TryCopy(value, bytes) ? bytes : throw new EvidenceFormatException($"json.{member}", 0, "a member that is not a byte");
    }
}
