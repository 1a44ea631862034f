using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>
/// One share of a KEK, or of the key of an authority. Its form: docs/recovery-shares.md.
/// secrets: M shares are the key.
/// </summary>
public sealed class RecoveryShare
{
    internal RecoveryShare(RecoverySet set, byte x, byte[] values, ShareProof? proof = null)
    {
        Set = set;
        X = x;
        Values = values;
        Proof = proof;
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

    /// <summary>The commitment of the key that was split, as its signer says, lower-case hex; empty: nobody signed the share.</summary>
    public string Commitment => Proof is null ? "" : Convert.ToHexStringLower(Proof.Commitment);

    internal RecoverySet Set { get; }

    internal byte[] Values { get; }

    internal ShareProof? Proof { get; }

    /// <summary>The same share, with what proves where it comes from.</summary>
    /// <param name="commitment">Of the key that was split: 32 bytes in hex.</param>
    /// <param name="authority">Signs.</param>
    /// <exception cref="ArgumentException">The commitment has not 32 bytes.</exception>
    public RecoveryShare Sign(string commitment, IShareAuthority authority)
    {
        byte[] bytes = commitment.Length == 2 * ShareProof.CommitmentSize ? Convert.FromHexString(commitment) : throw new ArgumentException("a commitment has 32 bytes", nameof(commitment));
        RecoveryShare unsigned = new(Set, X, Values, new ShareProof(bytes, new byte[ShareProof.SignatureSize]));
        return new RecoveryShare(Set, X, Values, new ShareProof(bytes, authority.SignShare(RecoveryShareText.SignedBytes(unsigned))));
    }

    /// <summary>True when this authority signed it.</summary>
    public bool IsSignedBy(IShareAuthority authority) => Proof is not null && authority.VerifyShare(RecoveryShareText.SignedBytes(this), Proof.Signature);

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

/// <summary>Signs shares: the broker's authority. secrets: whoever implements it holds the key.</summary>
public interface IShareAuthority
{
    /// <summary>ECDSA P-256 with SHA-256, r and s: 64 bytes.</summary>
    byte[] SignShare(ReadOnlySpan<byte> message);

    /// <summary>True for a signature of this authority.</summary>
    bool VerifyShare(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);
}

/// <summary>What proves where a share comes from.</summary>
internal sealed record ShareProof(byte[] Commitment, byte[] Signature)
{
    public const int CommitmentSize = 32;
    public const int SignatureSize = 64;
}
