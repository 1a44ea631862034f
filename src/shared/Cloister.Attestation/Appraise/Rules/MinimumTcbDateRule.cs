using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>The matched TCB level is not older than a date.</summary>
public sealed class MinimumTcbDateRule(DateTimeOffset minimum) : AppraisalRule("tcb.minDate")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return claims.TcbDate is not { } date ? NoClaim("tcb_date")
            : date >= minimum ? null
            : Fail("too_old", $"the TCB level is of {date:u}, at least {minimum:u} is wanted");
    }
}
