using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>
/// One share of a KEK, or of the key of an authority. Its form: docs/recovery-shares.md.
/// secrets: M shares are the key.
/// </summary>
public sealed class RecoveryShare
{
    internal RecoveryShare(RecoverySet set, byte x, byte[] values)
    {
        Set = set;
        X = x;
        Values = values;
    }

    /// <summary>The KEK that shares of this set restore; null: they restore the key of <see cref="Authority"/>.</summary>
    public KekIdentity? Kek => Set.Kek;

    /// <summary>The authority whose KEK or key it is.</summary>
    public string Authority => Set.Authority;

    /// <summary>What shares of this set restore, in words.</summary>
    public string Subject => Set.ToString();

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

    /// <summary>Reads the text forms of several shares, one after the other.</summary>
    /// <exception cref="RecoveryShareException">One is not a share, or was damaged.</exception>
    public static IReadOnlyList<RecoveryShare> ParseAll(string text) => [.. RecoveryShareText.Divide(text).Select(RecoveryShareText.Parse)];

    /// <summary>The text form, several lines, for the one who keeps it.</summary>
    public string ToText() => RecoveryShareText.Write(this);

    /// <summary>Which share it is; nothing of what it holds.</summary>
    public override string ToString() => $"share {X} of set {SetId}, {Threshold} restore {Subject}";
}
