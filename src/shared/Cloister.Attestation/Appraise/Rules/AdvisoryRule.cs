using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>Every advisory that applies is one of those accepted, whatever the status.</summary>
public sealed class AdvisoryRule(params IEnumerable<string> accepted) : AppraisalRule("tcb.advisories")
{
    private readonly HashSet<string> _accepted = new(accepted, StringComparer.Ordinal);

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        string[] open = [.. claims.AdvisoryIds.Where(id => !_accepted.Contains(id))];
        return open.Length == 0 ? null : Fail("not_accepted", $"advisories {string.Join(", ", open)} apply and are not accepted");
    }
}
