using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Release;

/// <summary>
/// The bytes of primary evidence, read from the form its TEE sends (docs/broker-protocol.md, "Attestation"). Nothing is believed yet.
/// </summary>
/// <param name="Tee">The kind of TEE.</param>
/// <param name="Bytes">Quote, report or document.</param>
/// <param name="Certificates">SNP: the certificate table, which may be empty.</param>
/// <param name="Endorsements">SNP in the form of the <c>sev</c> crate: certificates that came one by one instead of in a table.</param>
public sealed record PrimaryEvidence(Tee Tee, byte[] Bytes, byte[] Certificates, SnpCollateral Endorsements)
{
    private const int MaxLength = 64 * 1024;
    private const int MaxCertificatesLength = 256 * 1024;

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">Not of the form that <paramref name="tee"/> sends.</exception>
    public static PrimaryEvidence Parse(string tee, JsonElement json)
    {
        if (!TeeNames.TryParse(tee, out Tee kind))
        {
            throw new FormatException("evidence of this kind of TEE is not verified here; sgx, tdx, snp and nitro are");
        }

        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("primary_evidence is not a JSON object");
        }

        return kind switch
        {
            Tee.Nitro => new PrimaryEvidence(kind, Base64(json, "document", MaxLength), [], SnpCollateral.None),
            Tee.Snp when json.TryGetProperty("attestation_report", out JsonElement report) =>
                new PrimaryEvidence(kind, SnpReportJson.Read(report), [], json.TryGetProperty("cert_chain", out JsonElement chain) ? SnpCertificateChain.Read(chain) : SnpCollateral.None),
            Tee.Snp => new PrimaryEvidence(kind, Base64(json, "report", MaxLength), Base64(json, "certs", MaxCertificatesLength), SnpCollateral.None),
            _ => new PrimaryEvidence(kind, Base64(json, "quote", MaxLength), [], SnpCollateral.None),
        };
    }

    private static byte[] Base64(JsonElement json, string member, int maxLength)
    {
        if (!json.TryGetProperty(member, out JsonElement value) || value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out byte[]? bytes))
        {
            throw new FormatException($"primary_evidence has no base64 in {member}");
        }

        return bytes.Length <= maxLength ? bytes : throw new FormatException($"primary_evidence: {member} has more than {maxLength} bytes");
    }
}
