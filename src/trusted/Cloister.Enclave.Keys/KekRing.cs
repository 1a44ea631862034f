using System.Collections.Frozen;
using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Keys;

/// <summary>
/// The KEK versions of one moment, immutable: Status and Encrypt read the same ring, so they cannot disagree about the key_id.
/// secrets: refers to KEKs.
/// </summary>
public sealed class KekRing
{
    /// <summary>The most versions a ring has.</summary>
    public const int MaxSize = 1024;

    private readonly FrozenDictionary<KeyFingerprint, Kek> _keks;
    private readonly FrozenDictionary<string, Kek> _named;

    /// <summary>Makes a ring.</summary>
    /// <param name="keks">All versions, in the order they came.</param>
    /// <param name="active">The one that writes use, among <paramref name="keks"/>; null when there is none.</param>
    /// <param name="named">Those that writes of namespaces use, among <paramref name="keks"/>, one of a name; null for none.</param>
    public KekRing(IReadOnlyList<Kek> keks, Kek? active, IEnumerable<Kek>? named = null)
    {
        All = keks;
        Active = active;
        _keks = keks.ToFrozenDictionary(kek => kek.Fingerprint);
        _named = (named ?? []).ToFrozenDictionary(kek => kek.Identity.Name);
    }

    /// <summary>A ring without KEKs.</summary>
    public static KekRing Empty { get; } = new([], null);

    /// <summary>The version that writes use, but for those of namespaces that have a KEK of their own.</summary>
    public Kek? Active { get; }

    /// <summary>The versions that writes of namespaces use.</summary>
    public IReadOnlyList<Kek> Named => _named.Values;

    /// <summary>The version that writes of namespaces use whose KEK has that name.</summary>
    public Kek? ActiveOf(string name) => _named.GetValueOrDefault(name);

    /// <summary>True for a version that writes use.</summary>
    public bool IsActive(Kek kek) => kek == Active || _named.GetValueOrDefault(kek.Identity.Name) == kek;

    /// <summary>All versions.</summary>
    public IReadOnlyList<Kek> All { get; }

    /// <summary>The version with that fingerprint.</summary>
    public Kek? Find(KeyFingerprint fingerprint) => _keks.GetValueOrDefault(fingerprint);

    /// <summary>A ring with one more version, which writes do not use yet.</summary>
    public KekRing With(Kek kek) => new([.. All, kek], Active, Named);

    /// <summary>A ring in which writes use one of its versions.</summary>
    /// <param name="kek">The version.</param>
    /// <param name="ofNamespaces">Only writes of the namespaces whose KEK has its name.</param>
    public KekRing Activated(Kek kek, bool ofNamespaces) =>
        ofNamespaces ? new(All, Active, [.. Named.Where(other => other.Identity.Name != kek.Identity.Name), kek]) : new(All, kek, Named);

    /// <summary>A ring without one version.</summary>
    public KekRing Without(Kek kek) => new([.. All.Where(other => other != kek)], Active == kek ? null : Active, Named.Where(other => other != kek));
}
