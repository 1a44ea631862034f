using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Cloister.Enclave.Tees.Nitro;

/// <summary>Writes the few kinds of CBOR that requests to the NSM have, in shortest form. Source: RFC 8949, section 3. secrets: none.</summary>
internal sealed class CborWriter
{
    private readonly ArrayBufferWriter<byte> _output = new();

    internal ReadOnlySpan<byte> Written => _output.WrittenSpan;

    internal CborWriter Map(int pairs) => Head(CborKind.Map, (ulong)pairs);

    internal CborWriter Number(ulong value) => Head(CborKind.Number, value);

    internal CborWriter Text(string ascii)
    {
        Head(CborKind.Text, (ulong)ascii.Length);
        _output.Write(Encoding.ASCII.GetBytes(ascii));
        return this;
    }

    /// <summary>A byte string, or null when there is none.</summary>
    internal CborWriter BytesOrNull(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            _output.Write([CborReader.Null]);
            return this;
        }

        Head(CborKind.Bytes, (ulong)bytes.Length);
        _output.Write(bytes);
        return this;
    }

    private CborWriter Head(CborKind kind, ulong value)
    {
        Span<byte> head = stackalloc byte[9];
        int top = (int)kind << 5;
        int length;
        switch (value)
        {
            case < 24:
                head[0] = (byte)(top | (int)value);
                length = 1;
                break;
            case <= byte.MaxValue:
                head[0] = (byte)(top | 24);
                head[1] = (byte)value;
                length = 2;
                break;
            case <= ushort.MaxValue:
                head[0] = (byte)(top | 25);
                BinaryPrimitives.WriteUInt16BigEndian(head[1..], (ushort)value);
                length = 3;
                break;
            default:
                head[0] = (byte)(top | 27);
                BinaryPrimitives.WriteUInt64BigEndian(head[1..], value);
                length = 9;
                break;
        }

        _output.Write(head[..length]);
        return this;
    }
}
