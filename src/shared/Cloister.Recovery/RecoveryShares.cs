using System.Security.Cryptography;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>
/// Splits a KEK, or the key of an authority, into shares, of which M restore it, and restores it. Specification: docs/recovery-shares.md.
/// secrets: the keys pass through; coefficients are wiped.
/// </summary>
public static class RecoveryShares
{
    /// <summary>Bytes of a KEK, and of an authority's key: a scalar of P-256, big-endian.</summary>
    public const int KekSize = 32;

    /// <summary>Splits a KEK of 32 bytes into <paramref name="count"/> shares, of which <paramref name="threshold"/> restore it.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes, or not 2 &lt;= threshold &lt;= count &lt;= 255.</exception>
    public static IReadOnlyList<RecoveryShare> Split(KekIdentity kek, ReadOnlySpan<byte> key, int threshold, int count) =>
        Split(kek.Authority, kek, key, threshold, count);

    /// <summary>Splits the key of an authority, 32 bytes, into shares.</summary>
    /// <param name="authority">The authority's id, 32 hexadecimal digits.</param>
    /// <param name="key">The scalar.</param>
    /// <param name="threshold">How many restore it.</param>
    /// <param name="count">How many there are.</param>
    /// <exception cref="ArgumentException">No id, not 32 bytes, or not 2 &lt;= threshold &lt;= count &lt;= 255.</exception>
    public static IReadOnlyList<RecoveryShare> SplitAuthority(string authority, ReadOnlySpan<byte> key, int threshold, int count) =>
        RecoverySet.IsAuthorityId(authority)
            ? Split(authority, null, key, threshold, count)
            : throw new ArgumentException("an authority's id has 32 hexadecimal digits", nameof(authority));

    private static RecoveryShare[] Split(string authority, KekIdentity? kek, ReadOnlySpan<byte> key, int threshold, int count)
    {
        CheckKek(key.Length);
        if (threshold < 2 || threshold > count || count > 255)
        {
            throw new ArgumentException("of 2 to 255 shares, at least 2 and at most all restore a key", nameof(threshold));
        }

        RecoverySet set = RecoverySet.Create(key, (byte)threshold, authority, kek);
        byte[] coefficients = GC.AllocateUninitializedArray<byte>((threshold - 1) * KekSize, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(coefficients);
            RecoveryShare[] shares = new RecoveryShare[count];
            for (int i = 0; i < count; i++)
            {
                byte x = (byte)(i + 1);
                shares[i] = new RecoveryShare(set, x, Evaluate(key, coefficients, x));
            }

            return shares;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(coefficients);
        }
    }

    /// <summary>Writes the 32 bytes of the KEK that the shares restore. Nothing is written unless it is the one that was split.</summary>
    /// <returns>What it is called.</returns>
    /// <exception cref="RecoveryShareException">Too few, of several sets, one twice, not what was split, or not of a KEK.</exception>
    public static KekIdentity Combine(IReadOnlyList<RecoveryShare> shares, Span<byte> key) =>
        shares.FirstOrDefault(share => share.Kek is null) is { } other
            ? throw new RecoveryShareException($"a share is of {other.Subject}, not of a KEK: cloister-broker --restore-authority takes those")
            : Restore(shares, key).Kek!;

    /// <summary>Writes the 32 bytes of the authority's key that the shares restore, under the same conditions.</summary>
    /// <returns>The authority's id. Whether the key has it is for the caller to compute.</returns>
    /// <exception cref="RecoveryShareException">Too few, of several sets, one twice, not what was split, or not of an authority's key.</exception>
    public static string CombineAuthority(IReadOnlyList<RecoveryShare> shares, Span<byte> key) =>
        shares.FirstOrDefault(share => share.Kek is not null) is { } other
            ? throw new RecoveryShareException($"a share is of {other.Subject}, not of an authority's key: cloister kek restore takes those")
            : Restore(shares, key).Authority;

    private static RecoverySet Restore(IReadOnlyList<RecoveryShare> shares, Span<byte> key)
    {
        CheckKek(key.Length);
        if (shares.Count == 0)
        {
            throw new RecoveryShareException("there are no shares");
        }

        RecoverySet set = shares[0].Set;
        if (!shares.All(s => s.Set.IsSame(set)))
        {
            throw new RecoveryShareException("the shares are of several sets");
        }

        if (shares.Select(s => s.X).Distinct().Count() != shares.Count)
        {
            throw new RecoveryShareException("a share was given twice");
        }

        if (shares.Count < set.Threshold)
        {
            throw new RecoveryShareException($"{set.Threshold} shares restore {set}, {shares.Count} were given");
        }

        byte[] restored = GC.AllocateArray<byte>(KekSize, pinned: true);
        try
        {
            Interpolate([.. shares.Take(set.Threshold)], restored);
            if (!CryptographicOperations.FixedTimeEquals(RecoverySet.Commit(restored, set.Id, set.Threshold, set.Authority, set.Kek), set.Commitment))
            {
                throw new RecoveryShareException("the shares do not restore the key that was split: one of them was changed");
            }

            restored.CopyTo(key);
            return set;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(restored);
        }
    }

    /// <summary>The values at x; coefficients are 32 bytes each, of z first.</summary>
    internal static byte[] Evaluate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> coefficients, byte x)
    {
        byte[] values = GC.AllocateArray<byte>(KekSize, pinned: true);
        for (int at = coefficients.Length - KekSize; at >= 0; at -= KekSize)
        {
            for (int j = 0; j < values.Length; j++)
            {
                values[j] = GaloisField.Multiply((byte)(values[j] ^ coefficients[at + j]), x);
            }
        }

        for (int j = 0; j < values.Length; j++)
        {
            values[j] ^= key[j];
        }

        return values;
    }

    private static void Interpolate(RecoveryShare[] shares, Span<byte> key)
    {
        foreach (RecoveryShare share in shares)
        {
            byte weight = 1;
            foreach (RecoveryShare other in shares)
            {
                if (other.X != share.X)
                {
                    weight = GaloisField.Multiply(weight, GaloisField.Multiply(other.X, GaloisField.Inverse((byte)(other.X ^ share.X))));
                }
            }

            for (int j = 0; j < key.Length; j++)
            {
                key[j] ^= GaloisField.Multiply(share.Values[j], weight);
            }
        }
    }

    private static void CheckKek(int length)
    {
        if (length != KekSize)
        {
            throw new ArgumentException($"a key has {KekSize} bytes");
        }
    }
}
