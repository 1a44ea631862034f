using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;

namespace Cloister.Broker.Evidence;

/// <summary>
/// A cache of verified collateral for each root: what a simulated vendor signed must not serve quotes of another vendor. Thread-safe.
/// </summary>
/// <param name="source">Where it comes from.</param>
/// <param name="floors">What is kept of what was seen under a root; null: as long as this lives.</param>
/// <param name="caching">How long it is kept; null: as is good for what decides.</param>
internal sealed class CollateralByRoots(IDcapCollateralSource source, Func<Certificate, ITcbEvaluationFloor>? floors = null, VerifiedCollateralCacheOptions? caching = null)
{
    // Policies, not enclaves, choose roots, so there are few; old ones of changed policies go when there are this many.
    private const int MaxRoots = 64;

    private readonly Dictionary<string, VerifiedCollateralCache> _caches = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>The cache of a pinned root.</summary>
    public VerifiedCollateralCache For(Certificate root)
    {
        lock (_lock)
        {
            string digest = Convert.ToHexStringLower(root.Sha256.Span);
            if (!_caches.TryGetValue(digest, out VerifiedCollateralCache? cache))
            {
                if (_caches.Count >= MaxRoots)
                {
                    _caches.Clear();
                }

                cache = new VerifiedCollateralCache(source, TrustAnchors.Of(root), caching, floors?.Invoke(root));
                _caches.Add(digest, cache);
            }

            return cache;
        }
    }

    /// <summary>All that is here, under any root. Some of it may be overdue.</summary>
    public IReadOnlyList<(DcapCollateralKey Model, VerifiedDcapCollateral Collateral, DateTimeOffset FetchedAt)> All
    {
        get
        {
            VerifiedCollateralCache[] caches;
            lock (_lock)
            {
                caches = [.. _caches.Values];
            }

            return [.. caches.SelectMany(cache => cache.All)];
        }
    }

    /// <summary>What is here for a model under a root, and is fresh; or null. Asks nobody and keeps nothing: root and model may be whatever somebody claims.</summary>
    public VerifiedDcapCollateral? Find(Certificate root, DcapCollateralKey model, VerificationTime time)
    {
        VerifiedCollateralCache? cache;
        lock (_lock)
        {
            cache = _caches.GetValueOrDefault(Convert.ToHexStringLower(root.Sha256.Span));
        }

        return cache?.Find(model, time);
    }
}
