using System.Security.Cryptography;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>What the shares of one splitting have in common.</summary>
internal sealed record RecoverySet(byte[] Id, byte Threshold, byte[] Commitment, KekIdentity Kek)
{
    public const int IdSize = 8;
    public const int CommitmentSize = 16;

    public static byte[] Commit(ReadOnlySpan<byte> key, byte[] id, byte threshold, KekIdentity kek)
    {
        byte[] info = [.. "cloister-recovery-v1"u8, .. id, threshold, .. FingerprintOf(kek)];
        byte[] commitment = new byte[CommitmentSize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, commitment, default, info);
        return commitment;
    }

    private static byte[] FingerprintOf(KekIdentity kek)
    {
        byte[] fingerprint = new byte[KeyFingerprint.Size];
        kek.Fingerprint().CopyTo(fingerprint);
        return fingerprint;
    }

    public bool IsSame(RecoverySet other) =>
        Threshold == other.Threshold && Kek == other.Kek && Id.AsSpan().SequenceEqual(other.Id) && Commitment.AsSpan().SequenceEqual(other.Commitment);
}
