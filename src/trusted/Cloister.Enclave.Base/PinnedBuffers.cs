using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cloister.Enclave.Base;

/// <summary>
/// Buffers that do not move. Large ones are mappings of their own outside of the collector's heap, whose limit they would not fit into: it reaches
/// that with a third of it in use when arrays have many sizes, and .NET ends when its range of addresses is used up. A few are kept for the next
/// user: fresh ones cost a page fault for every 4 KiB. Thread-safe. secrets: none are left in what is kept; it is wiped when it is given back.
/// </summary>
internal static class PinnedBuffers
{
    /// <summary>From this size on they are outside of the heap.</summary>
    internal const int SmallestLarge = 64 * 1024;

    /// <summary>What is kept takes at most this much.</summary>
    internal const int MaxKept = 4 * 1024 * 1024;

    private const int LargestKept = 1024 * 1024;

    private static readonly Stack<Mapping>[] Kept = [.. Enumerable.Range(0, BitOperations.Log2(LargestKept / SmallestLarge) + 1).Select(_ => new Stack<Mapping>())];
    private static int _kept;

    /// <summary>What a buffer for that many bytes takes.</summary>
    internal static int SizeOf(int size) => size switch
    {
        < SmallestLarge => size,
        <= LargestKept => (int)BitOperations.RoundUpToPowerOf2((uint)size),
        _ => (int)Math.Min(Array.MaxLength, (size + (SmallestLarge - 1L)) / SmallestLarge * SmallestLarge),
    };

    /// <summary>A buffer of at least that size, with any content but secrets.</summary>
    /// <exception cref="FailureException">LimitReached: there is no memory for it.</exception>
    internal static Memory<byte> Rent(int size)
    {
        size = SizeOf(size);
        try
        {
            if (size < SmallestLarge)
            {
                return GC.AllocateUninitializedArray<byte>(size, pinned: true);
            }

            if (size <= LargestKept)
            {
                lock (Kept)
                {
                    if (Kept[Index(size)].TryPop(out Mapping? kept))
                    {
                        _kept -= size;
                        return kept.Memory;
                    }
                }
            }

            nint at = LibC.Map(0, (nuint)size, LibC.ProtReadWrite, LibC.MapPrivateAnonymous, -1, 0);
            return at == LibC.MapFailed ? throw NoMemory(size) : new Mapping(at, size).Memory;
        }
        catch (OutOfMemoryException)
        {
            throw NoMemory(size);
        }
    }

    /// <summary>Gives a buffer back, which nobody may use from then on.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="used">Where there may be secrets; wiped.</param>
    internal static void Return(Memory<byte> buffer, Range used)
    {
        CryptographicOperations.ZeroMemory(buffer.Span[used]);
        if (!MemoryMarshal.TryGetMemoryManager<byte, Mapping>(buffer, out Mapping? mapping) || mapping is null)
        {
            return;
        }

        if (buffer.Length <= LargestKept)
        {
            lock (Kept)
            {
                if (_kept + buffer.Length <= MaxKept)
                {
                    _kept += buffer.Length;
                    Kept[Index(buffer.Length)].Push(mapping);
                    return;
                }
            }
        }

        ((IDisposable)mapping).Dispose();
    }

    private sealed unsafe class Mapping(nint at, int size) : MemoryManager<byte>
    {
        private nint _at = at;

        public override Span<byte> GetSpan() => new((void*)_at, size);

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_at + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _at, 0) is var at and not 0)
            {
                LibC.Unmap(at, (nuint)size);
            }
        }
    }

    /// <summary>What a call is answered that memory is missing for.</summary>
    internal static FailureException NoMemory(int size) =>
        new(FailureKind.LimitReached, $"the enclave has no memory for a message of {size} bytes: try again later, or read in pages");

    private static int Index(int size) => BitOperations.Log2((uint)(size / SmallestLarge));
}
