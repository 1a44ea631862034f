using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The PCK revocation list is signed by a PCK authority under the pinned root, and current.</summary>
internal sealed class PckCrlStep() : VerificationStep<DcapContext>("pck_crl", "RFC 5280, 6.3; QvL 4.1.2.4.6")
{
    public override StepFailure? Check(DcapContext context)
    {
        IReadOnlyList<Certificate> issuers = context.Endorsements.PckCrlIssuerChain;
        RevocationList crl = context.Endorsements.PckCrl;
        if (issuers.Count != 2 || !DcapRoles.IsPckAuthority(issuers[0]) || !DcapRoles.Has(issuers[1], DcapRoles.Root) || !issuers.All(DcapRoles.UsesIntelAlgorithms))
        {
            return Fail("wrong_certificate", "the CRL issuer chain is not a PCK CA and the root");
        }

        if (!issuers[0].IsAuthority)
        {
            return Fail("not_an_authority", $"'{issuers[0].CommonName}' is not a certification authority");
        }

        // Without a path below it the authority itself is the leaf here, so its being an authority is checked above.
        Func<Certificate, bool>? verified = context.HasPckChain ? c => DcapRoles.Same(c, context.PckChain[1]) : null;
        if (CertificatePath.Check(Name, issuers, context.Anchors, context.Time, verified) is { } failure)
        {
            return failure;
        }

        return crl.IsSignedBy(issuers[0]) ? CrlWindow.Check(Name, crl, context.Time) : Fail("bad_signature", "the list is not signed by its issuer");
    }
}
