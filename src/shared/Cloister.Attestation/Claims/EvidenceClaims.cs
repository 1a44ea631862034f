namespace Cloister.Attestation.Claims;

/// <summary>What authentic evidence says. That it is authentic does not make it acceptable: see <see cref="Appraise.Appraiser"/>.</summary>
public abstract class EvidenceClaims
{
    /// <summary>Which TEE says it.</summary>
    public abstract Tee Tee { get; }

    /// <summary>Whether someone outside may look into the environment.</summary>
    public abstract bool Debug { get; }

    /// <summary>Status of the trusted computing base; null where the vendor has no such notion.</summary>
    public virtual TcbStatus? TcbStatus => null;

    /// <summary>Vendor's advisories that apply, sorted, without duplicates.</summary>
    public virtual IReadOnlyList<string> AdvisoryIds => [];

    /// <summary>The date of the platform's matched TCB level; null where the vendor has no such notion.</summary>
    public virtual DateTimeOffset? TcbDate => null;

    /// <summary>The dates of all matched TCB levels, each with its part's name: platform, quoting enclave, TDX module. Empty where the vendor has no such notion.</summary>
    public virtual IReadOnlyList<(string Part, DateTimeOffset Date)> TcbDates => [];

    /// <summary>Every claim by its specification's name.</summary>
    public ClaimSet All
    {
        get
        {
            if (field is null)
            {
                ClaimSet claims = [];
                Describe(claims);
                field = claims;
            }

            return field;
        }
    }

    /// <summary>Adds every claim, in the order of the evidence.</summary>
    protected abstract void Describe(ClaimSet claims);
}
