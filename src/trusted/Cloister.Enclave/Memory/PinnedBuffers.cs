using System.Security.Cryptography;

namespace Cloister.Enclave.Memory;

/// <summary>
/// Large buffers that do not move, a few of them kept for the next user: fresh ones cost a page fault for every 4 KiB and work for the
/// garbage collector. Thread-safe. secrets: none are left in what is kept; it is wiped when it is given back.
/// </summary>
internal static class PinnedBuffers
{
    private const int LargeSize = 1024 * 1024;
    private const int SmallestLarge = 64 * 1024;
    private const int MaxKept = 16;

    private static readonly Stack<byte[]> Kept = [];

    /// <summary>What a buffer for that many bytes takes.</summary>
    internal static int SizeOf(int size) => size is >= SmallestLarge and <= LargeSize ? LargeSize : size;

    /// <summary>A buffer of at least that size, with any content but secrets.</summary>
    internal static byte[] Rent(int size)
    {
        size = SizeOf(size);
        if (size == LargeSize)
        {
            lock (Kept)
            {
                if (Kept.TryPop(out byte[]? kept))
                {
                    return kept;
                }
            }
        }

        return GC.AllocateUninitializedArray<byte>(size, pinned: true);
    }

    /// <summary>Gives a buffer back, which nobody may use from then on.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="used">Where there may be secrets; wiped.</param>
    internal static void Return(byte[] buffer, Range used)
    {
        CryptographicOperations.ZeroMemory(buffer.AsSpan(used));
        if (buffer.Length == LargeSize)
        {
            lock (Kept)
            {
                if (Kept.Count < MaxKept)
                {
                    Kept.Push(buffer);
                }
            }
        }
    }
}
