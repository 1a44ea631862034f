using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise;

/// <summary>One rule of a policy.</summary>
public abstract class AppraisalRule
{
    /// <summary>Names the rule as policies do: <c>mrenclave</c>, <c>tcb.statuses</c>.</summary>
    protected AppraisalRule(string name) => Name = name;

    /// <summary>Path of the rule in its section of a policy.</summary>
    public string Name { get; }

    /// <summary>Null when the evidence satisfies the rule, else why not.</summary>
    /// <param name="claims">Authentic evidence.</param>
    /// <param name="expectations">What the relying party expects of this very evidence.</param>
    public abstract StepFailure? Check(EvidenceClaims claims, Expectations expectations);

    /// <summary>A failure of this rule.</summary>
    protected StepFailure Fail(string code, string detail) => new(Name, code, detail);

    /// <summary>The failure of evidence that does not have the claim that the rule is about.</summary>
    protected StepFailure NoClaim(string claim) => Fail("no_claim", $"the evidence has no claim '{claim}'");
}
