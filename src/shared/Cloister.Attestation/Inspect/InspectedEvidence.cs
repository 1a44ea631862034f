namespace Cloister.Attestation.Inspect;

/// <summary>What a piece of evidence says when nobody has verified it: of no authority whatever.</summary>
/// <param name="Tee">The kind of evidence, by its looks.</param>
/// <param name="Sections">Every field, by parts.</param>
public sealed record InspectedEvidence(Tee Tee, IReadOnlyList<InspectedSection> Sections);
