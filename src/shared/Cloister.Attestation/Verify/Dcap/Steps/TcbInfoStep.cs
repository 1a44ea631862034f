using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>TCB info is signed by the TCB signing key over the bytes received, and current. Old TCB info stays signed for ever: only its dates protect from replay.</summary>
internal sealed class TcbInfoStep() : VerificationStep<DcapContext>("tcb_info", "Intel PCS API v4, Get TCB Info; QvL 4.1.2.2")
{
    public override StepFailure? Check(DcapContext context)
    {
        TcbInfo info = context.Endorsements.TcbInfo;
        if (!context.Endorsements.TcbSigningChain[0].PublicKey.Verify(SignatureScheme.EcdsaSha256, info.SignedBytes.Span, info.Signature.Span, derEncoded: false))
        {
            return Fail("bad_signature", "TCB info is not signed by the TCB signing key");
        }

        return context.Time.Value < info.IssueDate ? Fail("not_yet_valid", $"TCB info is of {info.IssueDate:u}, judged at {context.Time}")
            : context.Time.Value > info.NextUpdate ? Fail("expired", $"the next TCB info was due at {info.NextUpdate:u}, judged at {context.Time}")
            : null;
    }
}
