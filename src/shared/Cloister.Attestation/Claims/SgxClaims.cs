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
        claims.Add(ClaimNames.MrEnclave, Report.MrEnclave);
        claims.Add(ClaimNames.MrSigner, Report.MrSigner);
        claims.Add(ClaimNames.IsvProdId, Report.IsvProdId);
        claims.Add(ClaimNames.IsvSvn, Report.IsvSvn);
        claims.Add(ClaimNames.Attributes, Report.Attributes);
        claims.Add("miscselect", Report.MiscSelect);
        claims.Add("cpusvn", Report.CpuSvn);
        claims.Add(ClaimNames.ConfigId, Report.ConfigId);
        claims.Add("configsvn", Report.ConfigSvn);
        claims.Add("isvextprodid", Report.IsvExtProdId);
        claims.Add("isvfamilyid", Report.IsvFamilyId);
        claims.Add(ClaimNames.ReportData, Report.ReportData);
        DescribePlatform(claims);
    }
}
