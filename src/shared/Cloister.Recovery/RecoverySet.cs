using System.Security.Cryptography;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>What the shares of one splitting have in common: they restore a KEK, or where there is none, the key of an authority.</summary>
internal sealed record RecoverySet(byte[] Id, byte Threshold, byte[] Commitment, string Authority, KekIdentity? Kek)
{
    public const int IdSize = 8;
    public const int CommitmentSize = 16;
    public const int AuthoritySize = 16;

    /// <summary>Format version: 1 for a KEK, 2 for an authority's key.</summary>
    public byte Version => VersionOf(Kek);

    /// <summary>The set of a key that is split now.</summary>
    public static RecoverySet Create(ReadOnlySpan<byte> key, byte threshold, string authority, KekIdentity? kek)
    {
        byte[] id = RandomNumberGenerator.GetBytes(IdSize);
        return new RecoverySet(id, threshold, Commit(key, id, threshold, authority, kek), authority, kek);
    }

    /// <summary>True for the id of a broker's authority: 32 lower-case hexadecimal digits.</summary>
    public static bool IsAuthorityId(string authority) => authority.Length == 2 * AuthoritySize && authority.All(char.IsAsciiHexDigitLower);

    public static byte[] Commit(ReadOnlySpan<byte> key, byte[] id, byte threshold, string authority, KekIdentity? kek)
    {
        byte[] info = [.. VersionOf(kek) == 1 ? "cloister-recovery-v1"u8 : "cloister-recovery-v2"u8, .. id, threshold, .. NameOf(authority, kek)];
        byte[] commitment = new byte[CommitmentSize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, commitment, default, info);
        return commitment;
    }

    /// <summary>What the key is, for those who hold shares.</summary>
    public override string ToString() => Kek is null ? $"the key of authority {Authority}" : $"KEK {Kek.Name} version {Kek.Version}";

    public bool IsSame(RecoverySet other) =>
        Threshold == other.Threshold && Kek == other.Kek && Authority == other.Authority && Id.AsSpan().SequenceEqual(other.Id)
        && Commitment.AsSpan().SequenceEqual(other.Commitment);

    private static byte VersionOf(KekIdentity? kek) => (byte)(kek is null ? 2 : 1);

    private static byte[] NameOf(string authority, KekIdentity? kek)
    {
        if (kek is null)
        {
            return [RecoveryShareText.AuthorityKind, .. Convert.FromHexString(authority)];
        }

        byte[] fingerprint = new byte[KeyFingerprint.Size];
        kek.Fingerprint().CopyTo(fingerprint);
        return fingerprint;
    }
}
