using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>
/// A trust domain launched under an old TDX module on a platform that has been updated since: not out of date, only to be launched again (QvL 4.1.2.4.17.4.3, checkForRelaunch; TD report 1.5 only).
/// </summary>
internal static class RelaunchAdvice
{
    /// <summary>Changes <paramref name="status"/> to a relaunch status where the rule applies. False when TEE_TCB_SVN2 names a module that TCB info does not know.</summary>
    public static bool TryApply(TcbInfo info, TdReport report, TcbStatus sgxStatus, IsvSvnLevel? module, IsvSvnLevel qe, ref TcbStatus status)
    {
        bool applies = qe.Status == TcbStatus.UpToDate
            && sgxStatus is TcbStatus.UpToDate or TcbStatus.SWHardeningNeeded or TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded
            && status is TcbStatus.OutOfDate or TcbStatus.OutOfDateConfigurationNeeded
            && module?.Status == TcbStatus.OutOfDate;
        if (!applies)
        {
            return true;
        }

        ReadOnlySpan<byte> now = report.TeeTcbSvn2.Span;
        ReadOnlySpan<byte> latest = info.Levels[0].TdxComponents.Span;
        int latestModule = latest[0];
        if (now[1] != 0)
        {
            if (info.FindTdxModuleIdentity(now[1]) is not { } identity)
            {
                return false;
            }

            latestModule = identity.Levels[0].IsvSvn;
        }

        if (now[0] >= latestModule && now[2] >= latest[2])
        {
            status = NeedsConfiguration(sgxStatus) || NeedsConfiguration(status) ? TcbStatus.TDRelaunchAdvisedConfigurationNeeded : TcbStatus.TDRelaunchAdvised;
        }

        return true;
    }

    private static bool NeedsConfiguration(TcbStatus status) =>
        status is TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded or TcbStatus.OutOfDateConfigurationNeeded;
}
