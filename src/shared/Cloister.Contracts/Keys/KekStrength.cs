using System.Numerics;
using System.Security.Cryptography;

namespace Cloister.Contracts.Keys;

/// <summary>
/// Refuses key bytes that nobody drew at random: zeros, one byte, short patterns, counting sequences. It says nothing about the others.
/// 32 random bytes are refused once in 2^74 (docs/keys.md). secrets: the key, looked at and not kept.
/// </summary>
public static class KekStrength
{
    /// <summary>What to tell who gave such a key.</summary>
    public const string Refusal =
        "this KEK is not random: it is a constant, a pattern, a sequence, or has too few different bytes; make one with a generator, such as: head -c 32 /dev/urandom";

    private const int LeastDistinctBytes = 13;
    private const int LeastDistinctSteps = 8;

    /// <summary>True for a key that may have been drawn at random.</summary>
    public static bool IsPlausible(ReadOnlySpan<byte> key) =>
        Distinct(key, step: false) >= LeastDistinctBytes && Distinct(key, step: true) >= LeastDistinctSteps && !Repeats(key);

    // How many different bytes there are, or different distances from one byte to the next.
    private static int Distinct(ReadOnlySpan<byte> key, bool step)
    {
        Span<ulong> seen = stackalloc ulong[4];
        seen.Clear();
        for (int i = step ? 1 : 0; i < key.Length; i++)
        {
            byte value = step ? unchecked((byte)(key[i] - key[i - 1])) : key[i];
            seen[value >> 6] |= 1UL << (value & 63);
        }

        int count = BitOperations.PopCount(seen[0]) + BitOperations.PopCount(seen[1]) + BitOperations.PopCount(seen[2]) + BitOperations.PopCount(seen[3]);
        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(seen));
        return count;
    }

    private static bool Repeats(ReadOnlySpan<byte> key)
    {
        for (int period = 1; period <= key.Length / 2; period++)
        {
            if (key[period..].SequenceEqual(key[..^period]))
            {
                return true;
            }
        }

        return false;
    }
}
