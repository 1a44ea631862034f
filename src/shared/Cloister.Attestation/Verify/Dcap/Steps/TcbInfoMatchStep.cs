using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>TCB info and QE identity are for this TEE, and TCB info is for this platform.</summary>
internal sealed class TcbInfoMatchStep() : VerificationStep<DcapContext>("tcb_info_match", "QvL 4.1.2.4.9, 4.1.2.4.10, 4.1.2.4.14")
{
    public override StepFailure? Check(DcapContext context)
    {
        TcbInfo info = context.Endorsements.TcbInfo;
        if (info.Tee != context.Tee)
        {
            return Fail("wrong_tee", $"TCB info is for {TeeNames.NameOf(info.Tee)}");
        }

        if (!info.Fmspc.Span.SequenceEqual(context.Pck.Fmspc.Span))
        {
            return Fail("wrong_fmspc", $"TCB info is for {Convert.ToHexStringLower(info.Fmspc.Span)}, the platform is {Convert.ToHexStringLower(context.Pck.Fmspc.Span)}");
        }

        if (!info.PceId.Span.SequenceEqual(context.Pck.PceId.Span))
        {
            return Fail("wrong_pceid", $"TCB info is for PCE {Convert.ToHexStringLower(info.PceId.Span)}, the platform has {Convert.ToHexStringLower(context.Pck.PceId.Span)}");
        }

        string expected = context.Tee == Tee.Sgx ? "QE" : "TD_QE";
        return context.Endorsements.QeIdentity.Id == expected
            ? null
            : Fail("wrong_qe_identity", $"the QE identity is for '{context.Endorsements.QeIdentity.Id}', expected '{expected}'");
    }
}
