using System.Buffers;
using System.Security.Cryptography;

namespace Cloister.Enclave.Base;

/// <summary>
/// A buffer that grows up to a limit, lives outside the moving heap and is wiped when it is reset. secrets: whatever is written, until
/// <see cref="Reset"/>.
/// </summary>
internal sealed class WipedBuffer : IBufferWriter<byte>
{
    private const int InitialSize = 4096;

    private readonly int _limit;
    private readonly byte[] _small = GC.AllocateUninitializedArray<byte>(InitialSize, pinned: true);
    private Memory<byte> _bytes;
    private int _length;

    internal WipedBuffer(int limit)
    {
        _limit = limit;
        _bytes = _small;
    }

    internal ReadOnlyMemory<byte> Written => _bytes[.._length];

    internal int Length => _length;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - _length);
        _length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _bytes[_length..];
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Makes room for that many bytes at once.</summary>
    internal void Reserve(int length) => Ensure(length);

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        Ensure(bytes.Length);
        bytes.CopyTo(_bytes.Span[_length..]);
        _length += bytes.Length;
    }

    /// <summary>The first bytes of what is written, to be written over.</summary>
    internal Span<byte> Prefix(int length) => _bytes.Span[..Math.Min(length, _length)];

    internal void Reset()
    {
        Leave(_small);
        _length = 0;
    }

    private void Ensure(int more)
    {
        int needed = checked(_length + more);
        if (needed > Math.Max(_limit, InitialSize))
        {
            throw new FailureException(FailureKind.LimitReached, $"the message is larger than {_limit} bytes");
        }

        if (needed <= _bytes.Length)
        {
            return;
        }

        // It can be larger than asked for; the limit is on what is in it.
        Memory<byte> larger = PinnedBuffers.Rent((int)Math.Min(_limit, Math.Max(needed, 2L * _bytes.Length)));
        _bytes[.._length].CopyTo(larger);
        Leave(larger);
    }

    // Wipes the buffer in use and goes on with another one.
    private void Leave(Memory<byte> next)
    {
        if (_bytes.Length == InitialSize)
        {
            CryptographicOperations.ZeroMemory(_bytes.Span[.._length]);
        }
        else
        {
            PinnedBuffers.Return(_bytes, .._length);
        }

        _bytes = next;
    }
}
