using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>
/// Component by component, reported and committed TCB reach a minimum, which differs between product lines. A product line without a minimum is refused.
/// </summary>
public sealed class SnpMinimumTcbRule(IReadOnlyDictionary<string, IReadOnlyDictionary<string, byte>> byProduct) : AppraisalRule("minTcb")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (!claims.All.TryGet(ClaimNames.Product, out ClaimValue? product))
        {
            return NoClaim(ClaimNames.Product);
        }

        if (!byProduct.TryGetValue(product.Text, out IReadOnlyDictionary<string, byte>? minimum))
        {
            return Fail("no_minimum", $"the policy has no minimum for {product.Text}");
        }

        foreach ((string component, byte least) in minimum)
        {
            foreach (string prefix in (string[])[ClaimNames.ReportedTcbPrefix, ClaimNames.CommittedTcbPrefix])
            {
                if (!claims.All.TryGet(prefix + component, out ClaimValue? value))
                {
                    return NoClaim(prefix + component);
                }

                if (value.Number < least)
                {
                    return Fail("too_low", $"{prefix}{component} is {value.Number}, at least {least} is wanted");
                }
            }
        }

        return null;
    }
}
