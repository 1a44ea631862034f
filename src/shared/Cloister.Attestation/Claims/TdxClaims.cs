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
        claims.Add("tee_tcb_svn", Report.TeeTcbSvn);
        claims.Add(ClaimNames.MrSeam, Report.MrSeam);
        claims.Add("mrsignerseam", Report.MrSignerSeam);
        claims.Add("seamattributes", Report.SeamAttributes);
        claims.Add(ClaimNames.TdAttributes, Report.TdAttributes);
        claims.Add(ClaimNames.Xfam, Report.Xfam);
        claims.Add(ClaimNames.MrTd, Report.MrTd);
        claims.Add(ClaimNames.MrConfigId, Report.MrConfigId);
        claims.Add(ClaimNames.MrOwner, Report.MrOwner);
        claims.Add(ClaimNames.MrOwnerConfig, Report.MrOwnerConfig);
        for (int i = 0; i < 4; i++)
        {
            claims.Add($"{ClaimNames.RtmrPrefix}{i}", Report.Rtmr(i));
        }

        claims.Add(ClaimNames.ReportData, Report.ReportData);
        if (Report.IsVersion15)
        {
            claims.Add("tee_tcb_svn2", Report.TeeTcbSvn2);
            claims.Add(ClaimNames.MrServiceTd, Report.MrServiceTd);
        }

        DescribePlatform(claims);
    }
}
