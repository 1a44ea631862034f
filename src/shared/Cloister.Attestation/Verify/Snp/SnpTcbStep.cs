using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// The security patch levels in the certificate are the ones the report was made at. Without it, a key of an old, broken firmware
/// would vouch for a report that claims a new one.
/// </summary>
internal sealed class SnpTcbStep() : VerificationStep<SnpVerification>("reported_tcb", "AMD 56860, section 2.2 and table 23 (REPORTED_TCB); AMD 57230, certificate extensions")
{
    public override StepFailure? Check(SnpVerification context)
    {
        SnpReport report = context.Report;
        ulong any = report.ReportedTcb | report.CommittedTcb | report.CurrentTcb | report.LaunchTcb;
        if ((any & SnpTcb.ReservedBits(context.Product)) != 0)
        {
            return Fail("reserved_bits", $"a TCB version has bits set that {context.Product} does not use");
        }

        SnpTcb reported = SnpTcb.Decode(report.ReportedTcb, context.Product);
        return reported == context.Extensions.Tcb
            ? null
            : Fail("tcb_mismatch", $"the report is of {reported}, the certificate for {context.Extensions.Tcb}");
    }
}
