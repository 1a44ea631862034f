using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>
/// One share of a KEK. Its form: docs/recovery-shares.md.
/// secrets: M shares are the KEK.
/// </summary>
public sealed class RecoveryShare
{
    internal RecoveryShare(RecoverySet set, byte x, byte[] values)
    {
        Set = set;
        X = x;
        Values = values;
    }

    /// <summary>The KEK that shares of this set restore.</summary>
    public KekIdentity Kek => Set.Kek;

    /// <summary>M: how many shares restore it.</summary>
    public int Threshold => Set.Threshold;

    /// <summary>Which splitting it comes from, hexadecimal; equal for shares that belong together.</summary>
    public string SetId => Convert.ToHexStringLower(Set.Id);

    /// <summary>Which share this is, 1 to 255.</summary>
    public byte X { get; }

    internal RecoverySet Set { get; }

    internal byte[] Values { get; }

    /// <summary>Reads the text form.</summary>
    /// <exception cref="RecoveryShareException">It is not a share, or was damaged.</exception>
    public static RecoveryShare Parse(string text) => RecoveryShareText.Parse(text);

    /// <summary>The text form, several lines, for the one who keeps it.</summary>
    public string ToText() => RecoveryShareText.Write(this);

    /// <summary>Which share it is; nothing of what it holds.</summary>
    public override string ToString() => $"share {X} of set {SetId}, {Threshold} restore KEK {Kek.Name} version {Kek.Version}";
}
