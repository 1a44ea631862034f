using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Inspect;
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
            throw new FormatException("evidence of this kind of TEE is not verified here; sgx, tdx, snp, nitro, az-snp-vtpm and az-tdx-vtpm are");
        }

        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("primary_evidence is not a JSON object");
        }

        PrimaryEvidence? known = Known(kind, json, out FormatException? refused);
        return known is not null && EvidenceInspector.Recognise(known.Bytes) is not null ? known : Other(kind, json) ?? known ?? throw refused!;
    }

    private static PrimaryEvidence? Known(Tee kind, JsonElement json, out FormatException? refused)
    {
        try
        {
            refused = null;
            return Read(kind, json);
        }
        catch (FormatException e)
        {
            refused = e;
            return null;
        }
    }

    // What other tools write. Null: it is not read; the message is then about the form that this protocol has.
    private static PrimaryEvidence? Other(Tee kind, JsonElement json)
    {
        try
        {
            EvidenceInput input = EvidenceForms.ReadJson(json);
            int own = kind == Tee.Snp ? Math.Min(SnpReport.Length, input.Bytes.Length) : input.Bytes.Length;
            return input.Tee == kind && own <= MaxLength && input.Bytes.Length - own <= MaxCertificatesLength
                ? new PrimaryEvidence(kind, input.Bytes[..own].ToArray(), input.Bytes[own..].ToArray(), input.Endorsements)
                : null;
        }
        catch (EvidenceFormatException)
        {
            return null;
        }
    }

    private static PrimaryEvidence Read(Tee kind, JsonElement json)
    {
        return kind switch
        {
            Tee.Nitro => new PrimaryEvidence(kind, Base64(json, "document", MaxLength), [], SnpCollateral.None),
            Tee.Snp when json.TryGetProperty("attestation_report", out JsonElement report) =>
                new PrimaryEvidence(kind, SnpReportJson.Read(report), [], json.TryGetProperty("cert_chain", out JsonElement chain) ? SnpCertificateChainJson.Read(chain) : SnpCollateral.None),
            Tee.Snp => new PrimaryEvidence(kind, Base64(json, "report", MaxLength), Base64(json, "certs", MaxCertificatesLength), SnpCollateral.None),
            Tee.AzureSnp or Tee.AzureTdx => new PrimaryEvidence(kind, Encoding.UTF8.GetBytes(json.GetRawText()), [], SnpCollateral.None),
            _ => new PrimaryEvidence(kind, Base64(json, "quote", MaxLength), [], SnpCollateral.None),
        };
    }

    /// <summary>
    /// The claim by which evidence of this kind covers challenge, key and statement. A guest of Azure chooses no report data: its vTPM signs the digest as qualifying data, which has
    /// room for 48 bytes.
    /// </summary>
    public string BoundClaim => Tee switch
    {
        Tee.Nitro => ClaimNames.UserData,
        Tee.AzureSnp or Tee.AzureTdx => ClaimNames.QualifyingData,
        _ => ClaimNames.ReportData,
    };

    /// <summary>What that claim has to be.</summary>
    public ReadOnlyMemory<byte> BoundValue(RuntimeData binding) => Tee is Tee.AzureSnp or Tee.AzureTdx ? binding.Digest : binding.ReportData;

    /// <summary>Whether authentic evidence covers challenge, key and statement. Not left to a policy: evidence that does not says nothing about who asks.</summary>
    public bool IsBoundBy(EvidenceClaims claims, RuntimeData binding) =>
        claims.All.TryGet(BoundClaim, out ClaimValue? bound) && bound.Kind == ClaimKind.Bytes && CryptographicOperations.FixedTimeEquals(bound.Bytes, BoundValue(binding).Span);

    private static byte[] Base64(JsonElement json, string member, int maxLength)
    {
        if (!json.TryGetProperty(member, out JsonElement value) || value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out byte[]? bytes))
        {
            throw new FormatException($"primary_evidence has no base64 in {member}");
        }

        return bytes.Length <= maxLength ? bytes : throw new FormatException($"primary_evidence: {member} has more than {maxLength} bytes");
    }
}
