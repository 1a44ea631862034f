using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>What the TCB levels say about one quote.</summary>
/// <param name="Status">Converged status.</param>
/// <param name="Platform">The matched platform level.</param>
/// <param name="QuotingEnclave">The matched level of the quoting enclave.</param>
/// <param name="TdxModule">The matched level of the TDX module; null for SGX and for modules of version 0.</param>
public sealed record DcapTcb(TcbStatus Status, TcbLevel Platform, IsvSvnLevel QuotingEnclave, IsvSvnLevel? TdxModule)
{
    /// <summary>Advisories of all levels, sorted, without duplicates.</summary>
    public IReadOnlyList<string> AdvisoryIds()
    {
        SortedSet<string> all = new(StringComparer.Ordinal);
        all.UnionWith(Platform.AdvisoryIds);
        all.UnionWith(QuotingEnclave.AdvisoryIds);
        all.UnionWith(TdxModule?.AdvisoryIds ?? []);
        return [.. all];
    }
}
