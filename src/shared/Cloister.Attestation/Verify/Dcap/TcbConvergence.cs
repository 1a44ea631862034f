using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>How the status of a TDX module or of the quoting enclave changes the platform's (QvL, convergeTcbStatusWithTdxModuleStatus, convergeTcbStatusWithQeTcbStatus).</summary>
internal static class TcbConvergence
{
    /// <summary>The platform's <paramref name="status"/> together with a part's, which is UpToDate, OutOfDate or Revoked.</summary>
    public static TcbStatus With(TcbStatus status, TcbStatus part) => (part, status) switch
    {
        (TcbStatus.Revoked, _) => TcbStatus.Revoked,
        (TcbStatus.OutOfDate, TcbStatus.UpToDate or TcbStatus.SWHardeningNeeded) => TcbStatus.OutOfDate,
        (TcbStatus.OutOfDate, TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded) => TcbStatus.OutOfDateConfigurationNeeded,
        _ => status,
    };
}
