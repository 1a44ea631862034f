using System.Security.Cryptography;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway.Http2;

/// <summary>
/// Bytes on their way, first in first out, in memory that does not move, counts against a budget and is wiped. Not thread-safe.
/// secrets: whatever passes through, until it is consumed.
/// </summary>
internal sealed class ByteQueue : IDisposable
{
    private const int SmallSize = 4096;

    private readonly MemoryBudget _budget;
    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(SmallSize, pinned: true);
    private int _start;
    private int _end;

    internal ByteQueue(MemoryBudget budget)
    {
        _budget = budget;
    }

    internal int Length => _end - _start;

    /// <summary>All of it; valid until more is appended or consumed.</summary>
    internal ReadOnlyMemory<byte> Memory => _bytes.AsMemory(_start, Length);

    internal ReadOnlySpan<byte> Span => _bytes.AsSpan(_start, Length);

    /// <exception cref="RpcException">ResourceExhausted: the budget is used up.</exception>
    internal void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _bytes.Length - _end)
        {
            MakeRoom(bytes.Length);
        }

        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
    }

    internal void Consume(int count)
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(_start, count));
        _start += count;
        if (_start == _end)
        {
            Clear();
        }
    }

    /// <summary>Wipes it, and gives large memory back.</summary>
    internal void Clear()
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(_start, Length));
        (_start, _end) = (0, 0);
        if (_bytes.Length > SmallSize)
        {
            _budget.Return(_bytes.Length);
            _bytes = GC.AllocateUninitializedArray<byte>(SmallSize, pinned: true);
        }
    }

    public void Dispose() => Clear();

    private void MakeRoom(int more)
    {
        int length = Length;
        int needed = checked(length + more);
        byte[] target = _bytes;
        if (needed > _bytes.Length / 2)
        {
            // Larger than half: moving what is here to the front would be repeated too soon.
            int size = (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length));
            _budget.Take(size);
            target = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        }

        Span.CopyTo(target);
        if (target == _bytes)
        {
            CryptographicOperations.ZeroMemory(_bytes.AsSpan(length, _end - length));
        }
        else
        {
            CryptographicOperations.ZeroMemory(_bytes.AsSpan(_start, length));
            if (_bytes.Length > SmallSize)
            {
                _budget.Return(_bytes.Length);
            }

            _bytes = target;
        }

        (_start, _end) = (0, length);
    }
}
