using System.Buffers.Binary;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// Writes a TPM command: header, handles, authorization, parameters, all big-endian. Source: TPM 2.0 Library, part 1, 18 and part 3. secrets: none.
/// </summary>
internal ref struct TpmCommand
{
    private const int HeaderSize = 10;
    private const int MaxSize = 1024;
    private const ushort NoSessions = 0x8001;
    private const ushort Sessions = 0x8002;
    private const uint PasswordSession = 0x40000009;

    private readonly byte[] _bytes;
    private int _length;

    /// <summary>Begins a command.</summary>
    /// <param name="code">TPM_CC.</param>
    /// <param name="handles">Handles that the command is about.</param>
    internal TpmCommand(uint code, params scoped ReadOnlySpan<uint> handles)
    {
        _bytes = new byte[MaxSize];
        _length = HeaderSize;
        BinaryPrimitives.WriteUInt16BigEndian(_bytes, NoSessions);
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(6), code);
        foreach (uint handle in handles)
        {
            U32(handle);
        }
    }

    /// <summary>Authorizes the first handle with the empty password. Follows the handles.</summary>
    internal void AuthorizeEmpty() => Authorize(PasswordSession);

    /// <summary>Authorizes the first handle with a session, which needs no HMAC and ends with the command.</summary>
    internal void Authorize(uint session)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_bytes, Sessions);
        U32(9);
        U32(session);
        U16(0);
        U8(0);
        U16(0);
    }

    internal void U8(byte value) => _bytes[_length++] = value;

    internal void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_bytes.AsSpan(_length), value);
        _length += sizeof(ushort);
    }

    internal void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(_length), value);
        _length += sizeof(uint);
    }

    /// <summary>A TPM2B: length and bytes.</summary>
    internal void Sized(scoped ReadOnlySpan<byte> bytes)
    {
        U16((ushort)bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>Bytes as they are.</summary>
    internal void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>The whole command.</summary>
    internal readonly ReadOnlySpan<byte> End()
    {
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(2), (uint)_length);
        return _bytes.AsSpan(0, _length);
    }
}

/// <summary>Reads the answer of a TPM, strictly: whatever is not there in full is no answer. secrets: what the TPM derives passes through.</summary>
internal ref struct TpmReader
{
    private ReadOnlySpan<byte> _rest;

    internal TpmReader(ReadOnlySpan<byte> bytes)
    {
        _rest = bytes;
    }

    internal readonly bool IsEmpty => _rest.IsEmpty;

    internal ushort U16() => BinaryPrimitives.ReadUInt16BigEndian(Take(sizeof(ushort)));

    internal uint U32() => BinaryPrimitives.ReadUInt32BigEndian(Take(sizeof(uint)));

    internal byte U8() => Take(1)[0];

    /// <summary>A TPM2B of at most <paramref name="most"/> bytes.</summary>
    internal ReadOnlySpan<byte> Sized(int most)
    {
        int length = U16();
        return length <= most ? Take(length) : throw Malformed();
    }

    internal ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
        {
            throw Malformed();
        }

        ReadOnlySpan<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }

    internal static TeeException Malformed() => new($"{TpmChannel.Device} gave an answer that no TPM gives: look at the kernel and at what stands for {TpmChannel.Device}");
}
