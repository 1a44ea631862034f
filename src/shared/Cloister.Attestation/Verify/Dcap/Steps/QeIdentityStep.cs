using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The quoting enclave's identity is signed by its TCB signing key over the bytes received, and current.</summary>
internal sealed class QeIdentityStep() : VerificationStep<DcapContext>("qe_identity", "Intel PCS API v4, Get Quoting Enclave Identity; QvL 4.1.2.9")
{
    public override StepFailure? Check(DcapContext context)
    {
        EnclaveIdentity identity = context.Endorsements.QeIdentity;
        if (!context.Endorsements.QeIdentityChain[0].PublicKey.Verify(SignatureScheme.EcdsaSha256, identity.SignedBytes.Span, identity.Signature.Span, derEncoded: false))
        {
            return Fail("bad_signature", "the QE identity is not signed by the TCB signing key");
        }

        return context.Time.Value < identity.IssueDate ? Fail("not_yet_valid", $"the QE identity is of {identity.IssueDate:u}, judged at {context.Time}")
            : context.Time.Value > identity.NextUpdate ? Fail("expired", $"the next QE identity was due at {identity.NextUpdate:u}, judged at {context.Time}")
            : null;
    }
}
