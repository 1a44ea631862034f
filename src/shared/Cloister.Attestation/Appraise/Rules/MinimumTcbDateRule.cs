using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>No matched TCB level is older than a date: not the platform's, the quoting enclave's or the TDX module's.</summary>
public sealed class MinimumTcbDateRule(DateTimeOffset minimum) : AppraisalRule("tcb.minDate")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (claims.TcbDates.Count == 0)
        {
            return NoClaim("tcb_date");
        }

        (string Part, DateTimeOffset Date)[] old = [.. claims.TcbDates.Where(level => level.Date < minimum)];
        return old.Length == 0 ? null : Fail("too_old", $"{string.Join(", ", old.Select(level => $"the TCB level of the {level.Part} is of {level.Date:u}"))}; at least {minimum:u} is wanted");
    }
}
