using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>PCK certificate, Processor or Platform CA, pinned root: three certificates, each in its place, valid now.</summary>
internal sealed class PckChainStep() : VerificationStep<DcapContext>("pck_chain", "Intel SGX PCK Certificate and CRL Profile, 1.3; QvL 4.1.2.1")
{
    public override StepFailure? Check(DcapContext context)
    {
        QuoteSignatureData data = context.Quote.SignatureData;
        IReadOnlyList<Certificate> chain = data.CertificationDataType == QuoteSignatureData.PckChain
            ? PemCertificates.Parse(data.CertificationData.Span)
            : context.HasEndorsements ? context.Endorsements.PckChain
            : [];
        if (chain.Count != 3)
        {
            return chain.Count == 0
                ? Fail("missing_chain", $"the quote carries certification data of type {data.CertificationDataType} and no PCK chain was given")
                : Fail("chain_length", $"the PCK chain has {chain.Count} certificates, expected 3");
        }

        if (!DcapRoles.Has(chain[0], DcapRoles.Pck) || !DcapRoles.IsPckAuthority(chain[1]) || !DcapRoles.Has(chain[2], DcapRoles.Root))
        {
            return Fail("wrong_certificate", $"'{chain[0].CommonName}', '{chain[1].CommonName}', '{chain[2].CommonName}' are not PCK, PCK CA and root");
        }

        if (!chain.All(DcapRoles.UsesIntelAlgorithms) || !DcapRoles.IsSigningLeaf(chain[0]))
        {
            return Fail("wrong_algorithm", "the chain is not ECDSA P-256 with SHA-256 throughout, or the leaf may not sign");
        }

        // An authority verified with the collateral need not be verified again; whether its signature counts is still decided by its whole encoding.
        Func<Certificate, bool>? verified = context.Collateral is null && context.HasEndorsements ? c => DcapRoles.Same(c, context.Endorsements.PckCrlIssuerChain[0]) : null;
        if (CertificatePath.Check(Name, chain, context.Anchors, context.Time, verified) is { } failure)
        {
            return failure;
        }

        context.PckChain = chain;
        context.Pck = PckExtension.Parse(chain[0]);
        bool fromPlatformCa = DcapRoles.Has(chain[1], DcapRoles.PlatformCa);
        return context.Pck.PlatformInstanceId.IsEmpty == fromPlatformCa
            ? Fail("wrong_certificate", "a platform instance id is for certificates of the Platform CA, and these have one")
            : null;
    }
}
