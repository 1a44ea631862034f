using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>TCB signing certificate directly under the pinned root, valid now, not revoked: of TCB info, and of the QE identity where it has another one.</summary>
internal sealed class TcbSigningChainStep() : VerificationStep<DcapContext>("tcb_signing_chain", "Intel SGX PCK Certificate and CRL Profile, 1.2; QvL 4.1.2.2")
{
    public override StepFailure? Check(DcapContext context)
    {
        DcapEndorsements endorsements = context.Endorsements;
        return Check(context, endorsements.TcbSigningChain)
            ?? (ReferenceEquals(endorsements.QeIdentityChain, endorsements.TcbSigningChain) ? null : Check(context, endorsements.QeIdentityChain));
    }

    private StepFailure? Check(DcapContext context, IReadOnlyList<Certificate> chain)
    {
        if (chain.Count != 2)
        {
            return Fail("chain_length", $"the TCB signing chain has {chain.Count} certificates, expected 2");
        }

        if (!DcapRoles.Has(chain[0], DcapRoles.TcbSigning) || !DcapRoles.Has(chain[1], DcapRoles.Root) || !chain.All(DcapRoles.UsesIntelAlgorithms) || !DcapRoles.IsSigningLeaf(chain[0]))
        {
            return Fail("wrong_certificate", $"'{chain[0].CommonName}', '{chain[1].CommonName}' are not TCB signing and root");
        }

        if (CertificatePath.Check(Name, chain, context.Anchors, context.Time) is { } failure)
        {
            return failure;
        }

        RevocationList crl = context.Endorsements.RootCaCrl;
        if (!crl.Issuer.Span.SequenceEqual(chain[0].Issuer.Span))
        {
            return Fail("wrong_crl", "the root's revocation list is of another authority");
        }

        return crl.Revokes(chain[0]) ? Fail("revoked", "the TCB signing certificate is revoked") : null;
    }
}
