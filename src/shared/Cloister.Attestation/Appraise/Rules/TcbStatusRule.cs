using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>The TCB status is one of those accepted. Revoked can never be.</summary>
public sealed class TcbStatusRule : AppraisalRule
{
    private readonly HashSet<TcbStatus> _accepted;

    /// <summary>Accepts <paramref name="accepted"/>.</summary>
    public TcbStatusRule(params IEnumerable<TcbStatus> accepted)
        : base("tcb.statuses")
    {
        _accepted = [.. accepted];
        if (_accepted.Contains(TcbStatus.Revoked))
        {
            throw new ArgumentException("A revoked platform cannot be accepted.", nameof(accepted));
        }
    }

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return claims.TcbStatus is not { } status ? NoClaim("tcb_status")
            : _accepted.Contains(status) ? null
            : Fail("not_accepted", $"the TCB status is {status}");
    }
}
