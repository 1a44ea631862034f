using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>One level of a quoting enclave's identity or of a TDX module's identity.</summary>
/// <param name="IsvSvn">Lowest security version of the level.</param>
/// <param name="Status">Status at this level.</param>
/// <param name="Date">When the level was defined.</param>
/// <param name="AdvisoryIds">Advisories that apply at this level.</param>
public sealed record IsvSvnLevel(int IsvSvn, TcbStatus Status, DateTimeOffset Date, IReadOnlyList<string> AdvisoryIds)
{
    /// <summary>The highest of <paramref name="levels"/> (sorted descending) that <paramref name="isvSvn"/> reaches, or null.</summary>
    public static IsvSvnLevel? Select(IReadOnlyList<IsvSvnLevel> levels, int isvSvn)
    {
        ArgumentNullException.ThrowIfNull(levels);
        foreach (IsvSvnLevel level in levels)
        {
            if (level.IsvSvn <= isvSvn)
            {
                return level;
            }
        }

        return null;
    }
}
