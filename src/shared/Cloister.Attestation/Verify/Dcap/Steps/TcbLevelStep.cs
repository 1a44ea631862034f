using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The platform reaches a level of TCB info; its status, the TDX module's and the quoting enclave's converge to one.</summary>
internal sealed class TcbLevelStep() : VerificationStep<DcapContext>("tcb_level", "QvL 4.1.2.4.17; Intel PCS API v4, Get TCB Info, comparison of levels")
{
    public override StepFailure? Check(DcapContext context)
    {
        TcbInfo info = context.Endorsements.TcbInfo;
        TdReport? report = context.Quote.TdReport;
        TcbLevelMatch match = TcbLevelMatch.Find(info.Levels, context.Pck, report);
        if (match.Sgx is null || match.Platform is null)
        {
            return Fail("tcb_not_supported", "the platform reaches no level of TCB info");
        }

        TcbStatus status = match.Platform.Status;
        IsvSvnLevel? module = null;
        if (report is not null)
        {
            if (context.TdxModuleIdentity is { } identity)
            {
                module = IsvSvnLevel.Select(identity.Levels, report.TeeTcbSvn.Span[0]);
                if (module is null)
                {
                    return Fail("tcb_not_supported", $"no level of '{identity.Id}' covers TDX module ISVSVN {report.TeeTcbSvn.Span[0]}");
                }

                status = TcbConvergence.With(status, module.Status);
            }

            if (report.IsVersion15 && status != TcbStatus.Revoked)
            {
                if (!RelaunchAdvice.TryApply(info, report, match.Sgx.Status, module, context.QeLevel, ref status))
                {
                    return Fail("unknown_module", $"TCB info knows no TDX module of version {report.TeeTcbSvn2.Span[1]}, to which the platform was updated");
                }
            }
        }

        context.Tcb = new DcapTcb(TcbConvergence.With(status, context.QeLevel.Status), match.Platform, context.QeLevel, module);
        return null;
    }
}
