using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Inspect;

namespace Cloister.Attestation.Forms;

/// <summary>
/// Reads evidence in the forms that others write it in: raw, as text, in JSON, in protobuf. A form is detected by content, never by a file's name. What is
/// read is given back as the bytes that were signed, so a form adds nothing that a verifier would have to trust.
/// </summary>
public static class EvidenceForms
{
    /// <summary>Largest input read, in bytes.</summary>
    public const int MaximumLength = 4 * 1024 * 1024;

    internal const int MaximumDepth = 6;

    /// <summary>The forms that are known, for people.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        "raw (DCAP quote; SEV-SNP report, also with its certificate table; Azure's HCL report; Nitro document)",
        "hexadecimal",
        "base64 or base64url",
        "JSON with quote, report and certs, attestation_report and cert_chain, outblob and auxblob, or document, also inside tee-evidence, primary_evidence, evidence or its TEE's name",
        "the sev crate's report as JSON",
        "evidence of Azure's confidential VMs as JSON (az-snp-vtpm, az-tdx-vtpm), with pcrs and vcek or td_quote",
        "go-tdx-guest's QuoteV4 and QuoteV5 and go-sev-guest's Attestation and Report, as protobuf or JSON",
    ];

    /// <summary>Reads evidence.</summary>
    /// <param name="bytes">The content of a file or a message; kept, not copied, where it is raw.</param>
    /// <param name="expected">The kind that the caller expects: bytes that look like nothing are then taken for it, and its verifier says what is wrong with them.</param>
    /// <exception cref="EvidenceFormatException">Code <c>unknown_form</c>: none of <see cref="Known"/>. <c>unsupported</c>: known, and not read here. Else malformed.</exception>
    public static EvidenceInput Read(ReadOnlyMemory<byte> bytes, Tee? expected = null)
    {
        if (bytes.Length > MaximumLength)
        {
            throw new EvidenceFormatException("evidence", 0, $"{bytes.Length} bytes, at most {MaximumLength} are read");
        }

        return Find(bytes, expected, depth: 0) ?? throw Unknown("it is none of the forms that are known");
    }

    /// <summary>Reads evidence that is part of a JSON document.</summary>
    /// <param name="json">An object, or a string with evidence as text.</param>
    /// <param name="expected">As of <see cref="Read"/>.</param>
    /// <exception cref="EvidenceFormatException">As of <see cref="Read"/>.</exception>
    public static EvidenceInput ReadJson(JsonElement json, Tee? expected = null)
    {
        try
        {
            return JsonForms.Read(json, expected, depth: 0);
        }
        catch (InvalidOperationException)
        {
            throw TextForms.NotUnicode(); // JsonElement throws it for text that cannot be read
        }
    }

    /// <summary>Null: these bytes look like nothing that is known.</summary>
    internal static EvidenceInput? Find(ReadOnlyMemory<byte> bytes, Tee? expected, int depth)
    {
        if (EvidenceInspector.Recognise(bytes.Span) is { } tee)
        {
            return new EvidenceInput($"raw {TeeNames.NameOf(tee)}", tee, bytes);
        }

        if (depth >= MaximumDepth)
        {
            throw new EvidenceFormatException("evidence", 0, $"more than {MaximumDepth} forms inside each other");
        }

        return TextForms.IsText(bytes.Span) ? TextForms.Read(bytes, expected, depth)
            : GoMessages.Find(bytes) is { } message ? message
            : expected is { } kind ? new EvidenceInput($"raw {TeeNames.NameOf(kind)}", kind, bytes)
            : null;
    }

    internal static EvidenceFormatException Unknown(string problem) => EvidenceFormatException.UnknownForm("evidence", $"{problem}; known are: {string.Join("; ", Known)}");
}
