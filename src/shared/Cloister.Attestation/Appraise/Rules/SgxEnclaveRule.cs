using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>The enclave is one of those acceptable.</summary>
public sealed class SgxEnclaveRule : AppraisalRule
{
    private readonly SgxEnclaveIdentity[] _identities;

    /// <summary>The enclave must match one of <paramref name="identities"/>, each of which must be complete.</summary>
    public SgxEnclaveRule(params IEnumerable<SgxEnclaveIdentity> identities)
        : base("enclave")
    {
        _identities = [.. identities];
        if (_identities.Length == 0 || !_identities.All(i => i.IsComplete))
        {
            throw new ArgumentException("Each identity names a measurement, or signer, product and minimum security version.", nameof(identities));
        }
    }

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        if (claims is not SgxClaims sgx)
        {
            return NoClaim(ClaimNames.MrEnclave);
        }

        return Array.Exists(_identities, i => i.Matches(sgx))
            ? null
            : Fail("mismatch", $"mrenclave {Convert.ToHexStringLower(sgx.Report.MrEnclave.Span)}, mrsigner {Convert.ToHexStringLower(sgx.Report.MrSigner.Span)}, isvprodid {sgx.Report.IsvProdId}, isvsvn {sgx.Report.IsvSvn} match none of {_identities.Length} enclaves");
    }
}
