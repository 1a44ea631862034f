using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>The certificates beside a report in the form of the <c>sev</c> crate: <c>[{"cert_type":"VCEK","data":[...]}]</c>, DER, or null. Nothing is believed yet.</summary>
public static class SnpCertificateChainJson
{
    private const int MaxCertificates = 16;

    /// <summary>The certificates of kinds that count; others are left out.</summary>
    /// <exception cref="EvidenceFormatException">Not of this form, or a certificate is malformed.</exception>
    public static SnpCollateral Read(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Null)
        {
            return SnpCollateral.None;
        }

        if (json.ValueKind != JsonValueKind.Array || json.GetArrayLength() > MaxCertificates)
        {
            throw Error($"neither null nor at most {MaxCertificates} certificates");
        }

        List<Certificate> keys = [];
        List<Certificate> authorities = [];
        foreach (JsonElement entry in json.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("cert_type", out JsonElement kind) || !entry.TryGetProperty("data", out JsonElement data))
            {
                throw Error("a member without cert_type and data");
            }

            // A kind that AMD does not define is an object: {"OTHER":"<GUID>"}. A revocation list from whom it might name says nothing.
            switch (kind.ValueKind == JsonValueKind.String ? kind.GetString() : null)
            {
                case "VCEK" or "VLEK": keys.Add(Certificate.Parse(Der(data, Certificate.MaximumLength))); break;
                case "ASK" or "ARK": authorities.Add(Certificate.Parse(Der(data, Certificate.MaximumLength))); break;
            }
        }

        return new SnpCollateral { EndorsementKeys = keys, Authorities = authorities };
    }

    private static EvidenceFormatException Error(string problem) => new("cert_chain", 0, problem);

    private static byte[] Der(JsonElement data, int maxLength)
    {
        if (data.ValueKind != JsonValueKind.Array || data.GetArrayLength() > maxLength)
        {
            throw Error($"data of a certificate is not an array of at most {maxLength} bytes");
        }

        byte[] der = new byte[data.GetArrayLength()];
        return JsonBytes.TryCopy(data, der) ? der : throw Error("data of a certificate has a member that is not a byte");
    }
}
