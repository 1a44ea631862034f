using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Forms;

/// <summary>Evidence in its own bytes, whatever form it came in. Nothing is believed yet.</summary>
/// <param name="Form">The form it came in, for people: <c>hex of a raw quote</c>.</param>
/// <param name="Tee">The kind of evidence: by its looks, or the one that was expected where it has none.</param>
/// <param name="Bytes">Quote, report (with its certificate table behind it, where it had one), or document: what a verifier takes.</param>
public sealed record EvidenceInput(string Form, Tee Tee, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>SEV-SNP: certificates that came beside the report and not in a table.</summary>
    public SnpCollateral Endorsements { get; init; } = SnpCollateral.None;
}
