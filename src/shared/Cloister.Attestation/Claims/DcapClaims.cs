using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Claims;

/// <summary>What SGX and TDX evidence have in common: the platform and its trusted computing base.</summary>
public abstract class DcapClaims : EvidenceClaims
{
    private readonly TcbInfo _info;
    private readonly EnclaveIdentity _identity;

    private protected DcapClaims(DcapContext context)
    {
        Quote = context.Quote;
        Pck = context.Pck;
        Tcb = context.Tcb;
        _info = context.Endorsements.TcbInfo;
        _identity = context.Endorsements.QeIdentity;
        AdvisoryIds = Tcb.AdvisoryIds();
    }

    /// <summary>The quote.</summary>
    public DcapQuote Quote { get; }

    /// <summary>The platform, from its PCK certificate.</summary>
    public PckExtension Pck { get; }

    /// <summary>Matched levels and converged status.</summary>
    public DcapTcb Tcb { get; }

    /// <inheritdoc />
    public sealed override TcbStatus? TcbStatus => Tcb.Status;

    /// <inheritdoc />
    public sealed override IReadOnlyList<string> AdvisoryIds { get; }

    /// <inheritdoc />
    public sealed override DateTimeOffset? TcbDate => Tcb.Platform.Date;

    /// <inheritdoc />
    public sealed override IReadOnlyList<(string Part, DateTimeOffset Date)> TcbDates =>
        [("platform", Tcb.Platform.Date), ("quoting enclave", Tcb.QuotingEnclave.Date), .. Tcb.TdxModule is { } module ? [("TDX module", module.Date)] : Array.Empty<(string, DateTimeOffset)>()];

    private protected void DescribePlatform(ClaimSet claims)
    {
        claims.Add("quote_version", Quote.Header.Version);
        claims.Add("qe_id", Quote.Header.UserData[..16]);
        claims.Add("qe_isvsvn", Quote.SignatureData.QeReport.IsvSvn);
        claims.Add(ClaimNames.Fmspc, Pck.Fmspc);
        claims.Add("pceid", Pck.PceId);
        claims.Add(ClaimNames.Ppid, Pck.Ppid);
        claims.Add("sgx_type", (ulong)Pck.SgxType);
        if (!Pck.PlatformInstanceId.IsEmpty)
        {
            claims.Add(ClaimNames.PlatformInstanceId, Pck.PlatformInstanceId);
        }

        AddIfSaid(claims, "dynamic_platform", Pck.DynamicPlatform);
        AddIfSaid(claims, "cached_keys", Pck.CachedKeys);
        AddIfSaid(claims, "smt_enabled", Pck.SmtEnabled);
        claims.Add("pck_tcb_components", Pck.TcbComponents);
        claims.Add("pcesvn", Pck.PceSvn);
        claims.Add("pck_cpusvn", Pck.CpuSvn);
        claims.Add("platform_tcb_status", Tcb.Platform.Status.ToString());
        claims.Add("platform_tcb_date", Moment(Tcb.Platform.Date));
        claims.Add("qe_tcb_status", Tcb.QuotingEnclave.Status.ToString());
        claims.Add("qe_tcb_date", Moment(Tcb.QuotingEnclave.Date));
        if (Tcb.TdxModule is { } module)
        {
            claims.Add("tdx_module_tcb_status", module.Status.ToString());
            claims.Add("tdx_module_tcb_date", Moment(module.Date));
        }

        claims.Add(ClaimNames.TcbEvaluationDataNumber, (ulong)_info.TcbEvaluationDataNumber);
        claims.Add(ClaimNames.QeTcbEvaluationDataNumber, (ulong)_identity.TcbEvaluationDataNumber);
    }

    private static string Moment(DateTimeOffset date) => date.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static void AddIfSaid(ClaimSet claims, string name, bool? value)
    {
        if (value is { } said)
        {
            claims.Add(name, said);
        }
    }
}
