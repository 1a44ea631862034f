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

    /// <summary>Makes a ring.</summary>
    /// <param name="keks">All versions, in the order they came.</param>
    /// <param name="active">The one that writes use, among <paramref name="keks"/>; null when there is none.</param>
    public KekRing(IReadOnlyList<Kek> keks, Kek? active)
    {
        All = keks;
        Active = active;
        _keks = keks.ToFrozenDictionary(kek => kek.Fingerprint);
    }

    /// <summary>A ring without KEKs.</summary>
    public static KekRing Empty { get; } = new([], null);

    /// <summary>The version that writes use.</summary>
    public Kek? Active { get; }

    /// <summary>All versions.</summary>
    public IReadOnlyList<Kek> All { get; }

    /// <summary>The version with that fingerprint.</summary>
    public Kek? Find(KeyFingerprint fingerprint) => _keks.GetValueOrDefault(fingerprint);

    /// <summary>A ring with one more version.</summary>
    public KekRing With(Kek kek, bool activate) => new([.. All, kek], activate ? kek : Active);

    /// <summary>A ring without one version.</summary>
    public KekRing Without(Kek kek) => new([.. All.Where(other => other != kek)], Active == kek ? null : Active);
}
