using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Cli.Evidence;

namespace Cloister.Cli.Collateral;

/// <summary>Roots that collateral is verified under.</summary>
internal static class CollateralRoots
{
    /// <summary>Intel's and AMD's, and those in files.</summary>
    /// <exception cref="CliException">A file holds no root.</exception>
    internal static TrustAnchors Read(IReadOnlyList<string> files)
    {
        try
        {
            Certificate[] more = [.. files.SelectMany(file => EvidenceFiles.Reading(() => CollateralDirectory.ReadRoots(file)))];
            return TrustAnchors.Of([.. TrustAnchors.Intel.All, .. TrustAnchors.Amd.All, .. TrustAnchors.Of(more).All]);
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"--root: {e.Message}");
        }
    }
}
