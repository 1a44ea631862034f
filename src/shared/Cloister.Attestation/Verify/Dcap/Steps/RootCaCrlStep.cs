using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The root's revocation list is signed by the pinned root, current, and does not list the PCK authority.</summary>
internal sealed class RootCaCrlStep() : VerificationStep<DcapContext>("root_ca_crl", "RFC 5280, 6.3; QvL 4.1.2.1")
{
    public override StepFailure? Check(DcapContext context)
    {
        IReadOnlyList<Certificate> issuers = context.Endorsements.PckCrlIssuerChain;
        Certificate root = issuers[^1];
        RevocationList crl = context.Endorsements.RootCaCrl;
        if (context.Anchors.Match(root) is null)
        {
            return Fail("untrusted_root", $"the root '{root.CommonName}' of the CRL issuer chain is not pinned");
        }

        if (!crl.IsSignedBy(root))
        {
            return Fail("bad_signature", "the list is not signed by the root");
        }

        if (CrlWindow.Check(Name, crl, context.Time) is { } failure)
        {
            return failure;
        }

        foreach (Certificate authority in issuers)
        {
            if (crl.Revokes(authority))
            {
                return Fail("revoked", $"'{authority.CommonName}' is revoked");
            }
        }

        return context.HasPckChain && crl.Revokes(context.PckChain[1]) ? Fail("revoked", $"'{context.PckChain[1].CommonName}' is revoked") : null;
    }
}
