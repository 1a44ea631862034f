using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Claims;

/// <summary>What a TDX quote says.</summary>
public sealed class TdxClaims : DcapClaims
{
    internal TdxClaims(DcapContext context)
        : base(context)
    {
        Report = Quote.TdReport ?? throw new InvalidOperationException("Not a TDX quote.");
    }

    /// <inheritdoc />
    public override Tee Tee => Tee.Tdx;

    /// <summary>The trust domain's report.</summary>
    public TdReport Report { get; }

    /// <inheritdoc />
    public override bool Debug => Report.IsDebug;

    /// <inheritdoc />
    protected override void Describe(ClaimSet claims)
    {
        DescribeReport(Report, claims);
        DescribePlatform(claims);
    }

    internal static void DescribeReport(TdReport report, ClaimSet claims)
    {
        claims.Add("tee_tcb_svn", report.TeeTcbSvn);
        claims.Add(ClaimNames.MrSeam, report.MrSeam);
        claims.Add("mrsignerseam", report.MrSignerSeam);
        claims.Add("seamattributes", report.SeamAttributes);
        claims.Add(ClaimNames.TdAttributes, report.TdAttributes);
        claims.Add(ClaimNames.Xfam, report.Xfam);
        claims.Add(ClaimNames.MrTd, report.MrTd);
        claims.Add(ClaimNames.MrConfigId, report.MrConfigId);
        claims.Add(ClaimNames.MrOwner, report.MrOwner);
        claims.Add(ClaimNames.MrOwnerConfig, report.MrOwnerConfig);
        for (int i = 0; i < 4; i++)
        {
            claims.Add($"{ClaimNames.RtmrPrefix}{i}", report.Rtmr(i));
        }

        claims.Add(ClaimNames.ReportData, report.ReportData);
        if (report.IsVersion15)
        {
            claims.Add("tee_tcb_svn2", report.TeeTcbSvn2);
            claims.Add(ClaimNames.MrServiceTd, report.MrServiceTd);
        }
    }
}
