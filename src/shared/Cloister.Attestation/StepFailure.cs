namespace Cloister.Attestation;

/// <summary>Why a verification or an appraisal said no: which step, a stable code, and a sentence for people.</summary>
/// <param name="Step">Name of the step, snake_case, stable: <c>quote_signature</c>.</param>
/// <param name="Code">What was wrong, snake_case, stable: <c>bad_signature</c>. Programs compare this.</param>
/// <param name="Detail">For people and logs; never holds secrets; may change between versions.</param>
public sealed record StepFailure(string Step, string Code, string Detail)
{
    /// <inheritdoc />
    public override string ToString() => $"{Step}: {Code}: {Detail}";
}
