namespace Cloister.Attestation.Verify;

/// <summary>One check of a verification: small, named, and citing the specification that demands it.</summary>
/// <typeparam name="TContext">What the steps of one verification share: evidence, collateral, roots, time, and what earlier steps found.</typeparam>
public abstract class VerificationStep<TContext>
{
    /// <summary>Names the step and its source.</summary>
    /// <param name="name">snake_case, stable.</param>
    /// <param name="specification">Document and section.</param>
    protected VerificationStep(string name, string specification)
    {
        Name = name;
        Specification = specification;
    }

    /// <summary>snake_case, stable; <see cref="StepFailure.Step"/> of its failures.</summary>
    public string Name { get; }

    /// <summary>Document and section that demand the check.</summary>
    public string Specification { get; }

    /// <summary>Null when the check holds, else why not. May throw <see cref="Abi.EvidenceFormatException"/> for malformed input; nothing else.</summary>
    public abstract StepFailure? Check(TContext context);

    /// <summary>A failure of this step.</summary>
    protected StepFailure Fail(string code, string detail) => new(Name, code, detail);
}
