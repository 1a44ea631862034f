using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The PCK certificate is covered by the revocation list and not on it; all chains end at the same root.</summary>
internal sealed class PckRevocationStep() : VerificationStep<DcapContext>("pck_revocation", "RFC 5280, 6.3.3; QvL 4.1.2.4.6 and 4.1.2.4.7")
{
    public override StepFailure? Check(DcapContext context)
    {
        RevocationList crl = context.Endorsements.PckCrl;
        Certificate pck = context.PckChain[0];
        if (!crl.Issuer.Span.SequenceEqual(pck.Issuer.Span))
        {
            return Fail("wrong_crl", "the PCK revocation list is of another authority than the one that issued the PCK certificate");
        }

        if (!DcapRoles.Same(context.PckChain[^1], context.Endorsements.PckCrlIssuerChain[^1])
            || !DcapRoles.Same(context.PckChain[^1], context.Endorsements.TcbSigningChain[^1])
            || !DcapRoles.Same(context.PckChain[^1], context.Endorsements.QeIdentityChain[^1]))
        {
            return Fail("different_roots", "PCK chain, CRL issuer chain and TCB signing chains do not end at the same root");
        }

        if (crl.Revokes(pck))
        {
            return Fail("revoked", $"PCK certificate {Convert.ToHexStringLower(pck.SerialNumber.Span)} is revoked");
        }

        return context.Endorsements.RootCaCrl.Revokes(context.PckChain[1]) ? Fail("revoked", $"'{context.PckChain[1].CommonName}' is revoked") : null;
    }
}
