using System.Buffers.Binary;

namespace Cloister.Attestation.Abi;

/// <summary>Reads fixed-layout, little-endian structures field by field; every failure names the field and its offset. Allocates nothing.</summary>
public ref struct FieldReader
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly string _structure;
    private readonly int _base;
    private int _position;

    /// <summary>Reads <paramref name="data"/>, the structure called <paramref name="structure"/>, which starts at <paramref name="baseOffset"/> of the whole evidence.</summary>
    public FieldReader(ReadOnlySpan<byte> data, string structure, int baseOffset = 0)
    {
        _data = data;
        _structure = structure;
        _base = baseOffset;
        _position = 0;
    }

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Offset of the next byte in the whole evidence.</summary>
    public readonly int Offset => _base + _position;

    /// <summary>Bytes not yet read.</summary>
    public readonly int Remaining => _data.Length - _position;

    /// <summary>The next <paramref name="count"/> bytes.</summary>
    public ReadOnlySpan<byte> Bytes(string field, int count)
    {
        if (count < 0 || count > Remaining)
        {
            throw Error(field, $"needs {count} bytes, {Remaining} left");
        }

        ReadOnlySpan<byte> taken = _data.Slice(_position, count);
        _position += count;
        return taken;
    }

    /// <summary>The next <paramref name="count"/> bytes as a declared length, refused when larger than what is left.</summary>
    public ReadOnlySpan<byte> Bytes(string field, uint count) =>
        count > (uint)Remaining ? throw Error(field, $"declares {count} bytes, {Remaining} left") : Bytes(field, (int)count);

    /// <summary>Unsigned 8-bit integer.</summary>
    public byte U8(string field) => Bytes(field, 1)[0];

    /// <summary>Unsigned 16-bit little-endian integer.</summary>
    public ushort U16(string field) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(field, 2));

    /// <summary>Unsigned 32-bit little-endian integer.</summary>
    public uint U32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(field, 4));

    /// <summary>Unsigned 64-bit little-endian integer.</summary>
    public ulong U64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(field, 8));

    /// <summary>Skips <paramref name="count"/> bytes that must be zero.</summary>
    public void Zero(string field, int count)
    {
        int start = _position;
        if (Bytes(field, count).ContainsAnyExcept((byte)0))
        {
            _position = start;
            throw Error(field, "reserved bytes are not zero");
        }
    }

    /// <summary>Demands that nothing is left.</summary>
    public readonly void End(string field)
    {
        if (Remaining != 0)
        {
            throw Error(field, $"{Remaining} unexpected bytes follow");
        }
    }

    /// <summary>An error about <paramref name="field"/> at the present position.</summary>
    public readonly EvidenceFormatException Error(string field, string problem) => new($"{_structure}.{field}", Offset, problem);

    /// <summary>An error about a field read before, which started <paramref name="back"/> bytes ago.</summary>
    public readonly EvidenceFormatException ErrorBefore(string field, int back, string problem) => new($"{_structure}.{field}", Offset - back, problem);

    /// <summary>An error about a version read before, which started <paramref name="back"/> bytes ago.</summary>
    public readonly EvidenceFormatException UnknownVersion(string field, int back, uint version, ReadOnlySpan<uint> known) =>
        EvidenceFormatException.UnknownVersion($"{_structure}.{field}", Offset - back, version, known);
}
