using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>Every piece of collateral is well-formed. Nothing in it is believed yet.</summary>
internal sealed class ParseCollateralStep() : VerificationStep<DcapContext>("parse_collateral", "Intel PCS API v4")
{
    public override StepFailure? Check(DcapContext context)
    {
        DcapCollateral collateral = context.Collateral ?? throw new InvalidOperationException("No collateral was given.");
        IReadOnlyList<Certificate> tcbSigning = ParseChain("tcb_signing_chain", collateral.TcbSigningChain);
        context.Endorsements = new DcapEndorsements
        {
            TcbInfo = TcbInfo.Parse(collateral.TcbInfo),
            QeIdentity = EnclaveIdentity.Parse(collateral.QeIdentity),
            TcbSigningChain = tcbSigning,
            QeIdentityChain = collateral.QeIdentityChain.IsEmpty ? tcbSigning : ParseChain("qe_identity_chain", collateral.QeIdentityChain),
            PckCrl = RevocationList.Parse(collateral.PckCrl),
            PckCrlIssuerChain = ParseChain("pck_crl_issuer_chain", collateral.PckCrlIssuerChain),
            RootCaCrl = RevocationList.Parse(collateral.RootCaCrl),
            PckChain = collateral.PckChain.IsEmpty ? [] : ParseChain("pck_chain", collateral.PckChain),
        };
        return null;
    }

    private static IReadOnlyList<Certificate> ParseChain(string name, ReadOnlyMemory<byte> pem)
    {
        try
        {
            return PemCertificates.Parse(pem.Span);
        }
        catch (EvidenceFormatException e)
        {
            throw new EvidenceFormatException($"{name}.{e.Field}", e.Offset, e.Problem);
        }
    }
}
