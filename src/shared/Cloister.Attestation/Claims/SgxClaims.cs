using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Claims;

/// <summary>What an SGX quote says.</summary>
public sealed class SgxClaims : DcapClaims
{
    internal SgxClaims(DcapContext context)
        : base(context)
    {
        Report = Quote.EnclaveReport ?? throw new InvalidOperationException("Not an SGX quote.");
    }

    /// <inheritdoc />
    public override Tee Tee => Tee.Sgx;

    /// <summary>The enclave's report.</summary>
    public EnclaveReport Report { get; }

    /// <inheritdoc />
    public override bool Debug => Report.IsDebug;

    /// <inheritdoc />
    protected override void Describe(ClaimSet claims)
    {
        DescribeReport(Report, claims);
        DescribePlatform(claims);
    }

    internal static void DescribeReport(EnclaveReport report, ClaimSet claims)
    {
        claims.Add(ClaimNames.MrEnclave, report.MrEnclave);
        claims.Add(ClaimNames.MrSigner, report.MrSigner);
        claims.Add(ClaimNames.IsvProdId, report.IsvProdId);
        claims.Add(ClaimNames.IsvSvn, report.IsvSvn);
        claims.Add(ClaimNames.Attributes, report.Attributes);
        claims.Add("miscselect", report.MiscSelect);
        claims.Add("cpusvn", report.CpuSvn);
        claims.Add(ClaimNames.ConfigId, report.ConfigId);
        claims.Add("configsvn", report.ConfigSvn);
        claims.Add("isvextprodid", report.IsvExtProdId);
        claims.Add("isvfamilyid", report.IsvFamilyId);
        claims.Add(ClaimNames.ReportData, report.ReportData);
    }
}
