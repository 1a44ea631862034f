using Cloister.Attestation.Certificates;
using Cloister.Collateral;

namespace Cloister.Broker.Evidence;

/// <summary>
/// A cache of verified collateral for each set of roots: what one policy's simulated vendor signed must not serve another policy. Thread-safe.
/// </summary>
internal sealed class CollateralByRoots(IDcapCollateralSource source)
{
    // Policies, not enclaves, choose roots, so there are few sets; old sets of changed policies go when there are this many.
    private const int MaxSets = 64;

    private readonly Dictionary<string, VerifiedCollateralCache> _caches = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public VerifiedCollateralCache For(TrustAnchors anchors)
    {
        string set = string.Join(' ', anchors.All.Select(anchor => anchor.Sha256).Order(StringComparer.Ordinal));
        lock (_lock)
        {
            if (!_caches.TryGetValue(set, out VerifiedCollateralCache? cache))
            {
                if (_caches.Count >= MaxSets)
                {
                    _caches.Clear();
                }

                cache = new VerifiedCollateralCache(source, anchors);
                _caches.Add(set, cache);
            }

            return cache;
        }
    }
}
