using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>One case of the evidence directory.</summary>
internal sealed class NitroCase
{
    private NitroCase(string directory)
    {
        Manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "manifest.json"))).RootElement;
        DocumentName = Manifest.GetProperty("files").GetProperty("document").GetString()!;
        Document = File.ReadAllBytes(Path.Combine(directory, DocumentName));
    }

    public JsonElement Manifest { get; }

    public string DocumentName { get; }

    public byte[] Document { get; }

    public VerificationTime ReferenceTime => VerificationTime.At(Manifest.GetProperty("verdicts")[0].GetProperty("at").GetDateTimeOffset());

    public static NitroCase Get(string name) => new(Path.Combine(EvidenceDirectory.Require(), "nitro", name));

    public VerificationResult Verify(byte[]? document = null, VerificationTime? time = null, TrustAnchors? anchors = null) =>
        NitroVerifier.Verify(document ?? Document, anchors ?? TrustAnchors.Aws, time ?? ReferenceTime);
}
