using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Keys;

/// <summary>
/// Which KEK versions writes have used, immutable: of each name the highest, and the default KEK that was the last. It outlives the KEKs
/// themselves, so that a key_id that was replaced never becomes the active one again, as KMS v2 demands. Source: docs/keys.md. secrets: none.
/// </summary>
public sealed class KekHistory
{
    /// <summary>The most names that are remembered.</summary>
    public const int MaxNames = 1024;

    /// <summary>Makes a history.</summary>
    /// <param name="highest">Of each name the highest version that was active, and its fingerprint.</param>
    /// <param name="lastDefault">The default KEK that was active last; null when none was.</param>
    public KekHistory(IReadOnlyDictionary<string, (uint Version, KeyFingerprint Kek)> highest, KeyFingerprint? lastDefault)
    {
        Highest = highest;
        LastDefault = lastDefault;
    }

    /// <summary>Nothing was active yet.</summary>
    public static KekHistory Empty { get; } = new(new Dictionary<string, (uint, KeyFingerprint)>(), null);

    /// <summary>Of each name the highest version that was active, and its fingerprint.</summary>
    public IReadOnlyDictionary<string, (uint Version, KeyFingerprint Kek)> Highest { get; }

    /// <summary>The default KEK that was active last.</summary>
    public KeyFingerprint? LastDefault { get; }

    /// <summary>
    /// What must have been, as far as a ring without a history tells: its active versions; of a name without one the highest that is here, which may
    /// have been active.
    /// </summary>
    public static KekHistory Of(KekRing ring) => ring is { Active: null, Named.Count: 0 } ? Empty : new(
        ring.All
            .GroupBy(kek => kek.Identity.Name)
            .ToDictionary(
                versions => versions.Key,
                versions => (versions.FirstOrDefault(ring.IsActive) ?? versions.MaxBy(kek => kek.Identity.Version)!) is var kek ? (kek.Identity.Version, kek.Fingerprint) : default),
        ring.Active?.Fingerprint);

    /// <summary>The highest version of that name that was active; 0 when none was.</summary>
    public uint HighestOf(string name) => Highest.TryGetValue(name, out (uint Version, KeyFingerprint) highest) ? highest.Version : 0;

    /// <summary>
    /// True for a version above all that were active under its name, and for the last one that was: that comes back after a wipe, nothing was active
    /// in between.
    /// </summary>
    /// <param name="kek">The version.</param>
    /// <param name="ofNamespaces">Only for the namespaces whose KEK has its name.</param>
    public bool MayActivate(Kek kek, bool ofNamespaces) =>
        kek.Identity.Version > HighestOf(kek.Identity.Name)
        || (Highest[kek.Identity.Name].Kek == kek.Fingerprint && (ofNamespaces || LastDefault == kek.Fingerprint));

    /// <summary>A history in which writes use that version now.</summary>
    public KekHistory With(Kek kek, bool ofNamespaces) => new(
        new Dictionary<string, (uint, KeyFingerprint)>(Highest) { [kek.Identity.Name] = (kek.Identity.Version, kek.Fingerprint) },
        ofNamespaces ? LastDefault : kek.Fingerprint);
}
