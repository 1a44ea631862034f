using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>One level of TCB info: a platform that reaches every security version in it has (at least) this status.</summary>
public sealed class TcbLevel
{
    internal TcbLevel(byte[] sgxComponents, ushort pceSvn, byte[]? tdxComponents, TcbStatus status, DateTimeOffset date, IReadOnlyList<string> advisoryIds)
    {
        SgxComponents = sgxComponents;
        PceSvn = pceSvn;
        TdxComponents = tdxComponents ?? [];
        Status = status;
        Date = date;
        AdvisoryIds = advisoryIds;
    }

    /// <summary>16 security versions.</summary>
    public ReadOnlyMemory<byte> SgxComponents { get; }

    /// <summary>Security version of the provisioning certification enclave.</summary>
    public ushort PceSvn { get; }

    /// <summary>16 security versions; empty for SGX.</summary>
    public ReadOnlyMemory<byte> TdxComponents { get; }

    /// <summary>Status at this level.</summary>
    public TcbStatus Status { get; }

    /// <summary>When the level was defined: a platform at it has all fixes published by then.</summary>
    public DateTimeOffset Date { get; }

    /// <summary>Advisories that apply at this level.</summary>
    public IReadOnlyList<string> AdvisoryIds { get; }

    /// <summary>By SGX components, then PCESVN, then TDX components. The order in the JSON is not to be trusted.</summary>
    internal static int Compare(TcbLevel a, TcbLevel b)
    {
        int order = a.SgxComponents.Span.SequenceCompareTo(b.SgxComponents.Span);
        order = order != 0 ? order : a.PceSvn.CompareTo(b.PceSvn);
        return order != 0 ? order : a.TdxComponents.Span.SequenceCompareTo(b.TdxComponents.Span);
    }
}
