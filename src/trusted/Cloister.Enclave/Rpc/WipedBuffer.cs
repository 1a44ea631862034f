using System.Buffers;
using System.Security.Cryptography;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// A buffer that grows up to a limit, lives outside the moving heap and is wiped when it is reset. secrets: whatever is written, until
/// <see cref="Reset"/>.
/// </summary>
internal sealed class WipedBuffer : IBufferWriter<byte>
{
    private const int InitialSize = 4096;

    private readonly int _limit;
    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(InitialSize, pinned: true);
    private int _length;

    internal WipedBuffer(int limit)
    {
        _limit = limit;
    }

    internal ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    internal int Length => _length;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - _length);
        _length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    internal void Append(in ReadOnlySequence<byte> bytes)
    {
        int length = checked((int)bytes.Length);
        Ensure(length);
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += length;
    }

    internal void Reset()
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
        _length = 0;
        if (_bytes.Length > InitialSize)
        {
            _bytes = GC.AllocateUninitializedArray<byte>(InitialSize, pinned: true);
        }
    }

    private void Ensure(int more)
    {
        int needed = checked(_length + more);
        if (needed <= _bytes.Length)
        {
            return;
        }

        if (needed > _limit)
        {
            throw new RpcException(StatusCode.ResourceExhausted, $"the message is larger than {_limit} bytes");
        }

        byte[] larger = GC.AllocateUninitializedArray<byte>(Math.Min(_limit, Math.Max(needed, 2 * _bytes.Length)), pinned: true);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
        _bytes = larger;
    }
}
