using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Forms;

/// <summary>Which message of go-tdx-guest or go-sev-guest something is, by its fields.</summary>
internal static class GoMessages
{
    /// <summary>Reads a message in JSON; null when it is none of them.</summary>
    public static EvidenceInput? Find(JsonElement json)
    {
        bool Has(string snake, string camel) => json.TryGetProperty(snake, out _) || json.TryGetProperty(camel, out _);
        if (json.TryGetProperty("header", out JsonElement header) && header.ValueKind == JsonValueKind.Object && Has("signed_data", "signedData"))
        {
            return Quote(MessageFields.OfJson(json, "quote"), "JSON");
        }

        if (json.TryGetProperty("report", out JsonElement report) && report.ValueKind == JsonValueKind.Object)
        {
            return GoSnpReport.ReadAttestation(MessageFields.OfJson(json, "attestation"), "JSON");
        }

        return Has("signature_algo", "signatureAlgo") && Has("reported_tcb", "reportedTcb") ? GoSnpReport.ReadReport(MessageFields.OfJson(json, "report"), "JSON") : null;
    }

    /// <summary>Reads a message in the wire format; null when it is none of them.</summary>
    public static EvidenceInput? Find(ReadOnlyMemory<byte> bytes)
    {
        // Field 1 is a message (header, report) or a number (version).
        if (bytes.Length < 256 || bytes.Span[0] is not (0x0A or 0x08))
        {
            return null;
        }

        MessageFields fields;
        bool isQuote = false;
        try
        {
            fields = MessageFields.OfWire(bytes, "message");
            if (bytes.Span[0] == 0x0A)
            {
                // A quote has signed data behind the size of it; an attestation has a report of many fields.
                isQuote = fields.Has(4, "signed_data");
            }
        }
        catch (EvidenceFormatException)
        {
            return null; // no message at all
        }

        return bytes.Span[0] == 0x08 ? fields.Has(28, "signature") ? GoSnpReport.ReadReport(fields, "protobuf") : null
            : isQuote ? Quote(fields, "protobuf")
            : GoSnpReport.ReadAttestation(fields, "protobuf");
    }

    private static EvidenceInput Quote(MessageFields quote, string form) => new($"quote of go-tdx-guest as {form}", Tee.Tdx, GoTdxQuote.Read(quote));
}
