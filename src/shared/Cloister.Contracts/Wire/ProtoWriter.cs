using System.Buffers;
using System.Numerics;
using System.Text;

namespace Cloister.Contracts.Wire;

/// <summary>Writes the fields of one Protocol Buffers message into a buffer. Empty values are left out, as proto3 does.</summary>
public readonly struct ProtoWriter
{
    private readonly IBufferWriter<byte> _output;

    /// <summary>Writes to <paramref name="output"/>.</summary>
    public ProtoWriter(IBufferWriter<byte> output)
    {
        _output = output;
    }

    /// <summary>Bytes that a length-delimited field of <paramref name="length"/> bytes takes, tag included.</summary>
    public static int FieldSize(int field, int length) =>
        VarintSize(Tag(field, WireType.LengthDelimited)) + VarintSize((ulong)length) + length;

    /// <summary>A bytes field.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return;
        }

        value.CopyTo(BytesField(field, value.Length));
    }

    /// <summary>The header of a bytes field, and its content left to the caller to fill.</summary>
    /// <param name="field">Field number.</param>
    /// <param name="length">Length in bytes.</param>
    /// <returns>Exactly <paramref name="length"/> bytes, already part of the message.</returns>
    public Span<byte> BytesField(int field, int length)
    {
        Varint(Tag(field, WireType.LengthDelimited));
        Varint((ulong)length);
        Span<byte> content = _output.GetSpan(length)[..length];
        _output.Advance(length);
        return content;
    }

    /// <summary>A string field.</summary>
    public void String(int field, string value)
    {
        if (value.Length == 0)
        {
            return;
        }

        Encoding.UTF8.GetBytes(value, BytesField(field, Encoding.UTF8.GetByteCount(value)));
    }

    /// <summary>An integer field.</summary>
    public void Integer(int field, ulong value)
    {
        if (value == 0)
        {
            return;
        }

        Varint(Tag(field, WireType.Varint));
        Varint(value);
    }

    /// <summary>A boolean field.</summary>
    public void Boolean(int field, bool value) => Integer(field, value ? 1UL : 0UL);

    /// <summary>One entry of a <c>map&lt;string, bytes&gt;</c> field.</summary>
    public void MapEntry(int field, string key, ReadOnlySpan<byte> value)
    {
        int keyLength = Encoding.UTF8.GetByteCount(key);
        Varint(Tag(field, WireType.LengthDelimited));
        Varint((ulong)(FieldSize(1, keyLength) + (value.IsEmpty ? 0 : FieldSize(2, value.Length))));
        Encoding.UTF8.GetBytes(key, BytesField(1, keyLength));
        Bytes(2, value);
    }

    private static ulong Tag(int field, WireType type) => ((ulong)field << 3) | (ulong)type;

    private static int VarintSize(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;

    private void Varint(ulong value)
    {
        Span<byte> span = _output.GetSpan(10);
        int length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)((value & 0x7F) | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        _output.Advance(length);
    }
}
