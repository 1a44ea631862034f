using System.Security.Cryptography;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Bytes on their way, first in first out, in memory that does not move, counts against a budget and is wiped. Not thread-safe.
/// secrets: whatever passes through, until it is consumed.
/// </summary>
internal sealed class ByteQueue : IDisposable
{
    /// <summary>Bytes that it has from the beginning.</summary>
    internal const int SmallSize = 4096;

    private const int MaxExpected = 1024 * 1024;

    private readonly MemoryBudget _budget;
    private readonly byte[] _small;
    private Memory<byte> _bytes;
    private int _start;
    private int _end;

    /// <param name="budget">What it takes beyond <see cref="SmallSize"/> counts there.</param>
    internal ByteQueue(MemoryBudget budget)
    {
        _budget = budget;
        _bytes = _small = GC.AllocateUninitializedArray<byte>(SmallSize, pinned: true);
    }

    internal int Length => _end - _start;

    /// <summary>All of it; valid until more is appended or consumed.</summary>
    internal ReadOnlyMemory<byte> Memory => _bytes.Slice(_start, Length);

    internal ReadOnlySpan<byte> Span => _bytes.Span.Slice(_start, Length);

    /// <exception cref="FailureException">LimitReached: the budget is used up.</exception>
    internal void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.Span[_end..]);
        _end += bytes.Length;
    }

    /// <summary>Makes room for so many bytes more: what is appended up to then does not fail.</summary>
    /// <exception cref="FailureException">LimitReached: the budget is used up, and nothing changed.</exception>
    internal void Reserve(int more)
    {
        if (more > _bytes.Length - _end)
        {
            MakeRoom(more);
        }
    }

    /// <summary>Makes room for so many bytes in all, so that they are not copied as more come. Announced lengths are believed up to a limit.</summary>
    /// <exception cref="FailureException">LimitReached: the budget is used up.</exception>
    internal void Expect(long total)
    {
        int room = (int)Math.Min(total, MaxExpected);
        if (room > _bytes.Length - _start)
        {
            MakeRoom(room - Length);
        }
    }

    internal void Consume(int count)
    {
        CryptographicOperations.ZeroMemory(_bytes.Span.Slice(_start, count));
        _start += count;
        if (_start == _end)
        {
            Clear();
        }
    }

    /// <summary>Wipes it, and gives large memory back.</summary>
    internal void Clear()
    {
        Leave(_small);
        (_start, _end) = (0, 0);
    }

    public void Dispose() => Clear();

    private void MakeRoom(int more)
    {
        int length = Length;
        int needed = checked(length + more);
        if (needed <= _bytes.Length / 2)
        {
            Span.CopyTo(_bytes.Span);
            CryptographicOperations.ZeroMemory(_bytes.Span[length.._end]);
        }
        else
        {
            // Larger than half: moving what is here to the front would be repeated too soon.
            Memory<byte> target = Rent((int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length)));
            Span.CopyTo(target.Span);
            Leave(target);
        }

        (_start, _end) = (0, length);
    }

    // Counted before it is there.
    private Memory<byte> Rent(int size)
    {
        size = PinnedBuffers.SizeOf(size);
        _budget.Take(size);
        try
        {
            return PinnedBuffers.Rent(size);
        }
        catch
        {
            _budget.Return(size);
            throw;
        }
    }

    // Wipes the buffer in use and goes on with another one.
    private void Leave(Memory<byte> next)
    {
        if (_bytes.Length == SmallSize)
        {
            CryptographicOperations.ZeroMemory(_bytes.Span.Slice(_start, Length));
        }
        else
        {
            _budget.Return(_bytes.Length);
            PinnedBuffers.Return(_bytes, _start.._end);
        }

        _bytes = next;
    }
}
