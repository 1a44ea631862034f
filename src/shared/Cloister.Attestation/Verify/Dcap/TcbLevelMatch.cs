using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>The levels that a platform reaches (QvL 4.1.2.4.17.1 to .3).</summary>
/// <param name="Sgx">The highest level whose SGX components and PCESVN are reached.</param>
/// <param name="Platform">For SGX the same; for TDX the highest level whose TDX components are reached as well.</param>
internal readonly record struct TcbLevelMatch(TcbLevel? Sgx, TcbLevel? Platform)
{
    public static TcbLevelMatch Find(IReadOnlyList<TcbLevel> levels, PckExtension pck, TdReport? report)
    {
        TcbLevel? sgx = null;
        foreach (TcbLevel level in levels)
        {
            if (!Reaches(pck.TcbComponents.Span, level.SgxComponents.Span, from: 0) || pck.PceSvn < level.PceSvn)
            {
                continue;
            }

            sgx ??= level;
            if (report is null)
            {
                return new TcbLevelMatch(sgx, sgx);
            }

            // With a module version above 0, components 0 and 1 belong to the module's own identity.
            ReadOnlySpan<byte> svn = report.TeeTcbSvn.Span;
            if (Reaches(svn, level.TdxComponents.Span, from: svn[1] == 0 ? 0 : 2))
            {
                return new TcbLevelMatch(sgx, level);
            }
        }

        return new TcbLevelMatch(sgx, null);
    }

    private static bool Reaches(ReadOnlySpan<byte> versions, ReadOnlySpan<byte> level, int from)
    {
        for (int i = from; i < 16; i++)
        {
            if (versions[i] < level[i])
            {
                return false;
            }
        }

        return true;
    }
}
