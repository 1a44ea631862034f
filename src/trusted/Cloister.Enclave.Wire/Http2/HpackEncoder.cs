using System.Runtime.InteropServices;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Writes the header blocks of one connection and direction, in the order in which they are sent. What is sent again and again goes into the
/// table and takes a byte from then on, for which neither side has to make strings. Source: RFC 7541. Not thread-safe. secrets: none.
/// </summary>
internal sealed class HpackEncoder
{
    // Bits in front of a field: in the table; to be put there; not to be put there; never to be put into any. Source: RFC 7541, section 6.
    private const byte Indexed = 0x80;
    private const byte ToIndex = 0x40;
    private const byte NewSize = 0x20;
    private const byte NeverIndex = 0x10;

    private readonly List<HeaderField> _table = [];
    private readonly List<int> _marks = [];
    private byte[] _block = new byte[1024];
    private int _length;
    private int _maxTableSize = HpackDecoder.TableSize;
    private int _tableSize;
    private int? _smallest;

    /// <summary>The peer's table has so many bytes from now on; more than the protocol's default are not used.</summary>
    internal void Resize(uint size)
    {
        int used = (int)Math.Min(size, HpackDecoder.TableSize);
        if (used != _maxTableSize)
        {
            // The peer has to hear of every size that made entries go. Source: RFC 7541, section 4.2.
            _smallest = Math.Min(_smallest ?? used, used);
            _maxTableSize = used;
            Evict(0);
        }
    }

    /// <summary>Encodes one block, valid until the next; it has to be sent, and before it.</summary>
    internal ReadOnlySpan<byte> Encode(List<HeaderField> fields)
    {
        _length = 0;
        if (_smallest is { } smallest)
        {
            Integer(NewSize, 5, smallest);
            if (smallest != _maxTableSize)
            {
                Integer(NewSize, 5, _maxTableSize);
            }

            _smallest = null;
        }

        foreach (HeaderField field in fields)
        {
            // What HPACK counts is more than lengths in front of name and value take.
            if (_block.Length - _length < field.Size)
            {
                Array.Resize(ref _block, checked(2 * (_length + field.Size)));
            }

            Write(field);
        }

        return _block.AsSpan(0, _length);
    }

    // Different with every call: in the table they would only push others out.
    private static bool IsFleeting(ReadOnlySpan<byte> name) =>
        name.StartsWith("grpc-"u8) && (name.SequenceEqual("grpc-timeout"u8) || name.SequenceEqual("grpc-message"u8) || name.SequenceEqual("grpc-status-details-bin"u8));

    // Equal fields have equal ones; a few others too.
    private static int Mark(HeaderField field) =>
        (field.Name.Length << 24) ^ (field.Value.Length << 8) ^ (field.Name is [.., var n] ? n << 16 : 0) ^ (field.Value is [.., var v] ? v : 0);

    private void Write(HeaderField field)
    {
        if (field.Sensitive)
        {
            Literal(NeverIndex, 4, 0, field);
            return;
        }

        if (IsFleeting(field.Name))
        {
            Literal(0, 4, 0, field);
            return;
        }

        int mark = Mark(field);
        if (Find(field, mark) is var place && place >= 0)
        {
            Integer(Indexed, 7, HpackStaticTable.Count + _table.Count - place);
        }
        else if (field.Size > _maxTableSize / 4)
        {
            Literal(0, 4, HpackStaticTable.IndexOf(field.Name), field);
        }
        else
        {
            Literal(ToIndex, 6, HpackStaticTable.IndexOf(field.Name), field);
            Evict(field.Size);
            _table.Add(field);
            _marks.Add(mark);
            _tableSize += field.Size;
        }
    }

    // The newest stands last.
    private int Find(HeaderField field, int mark)
    {
        Span<int> marks = CollectionsMarshal.AsSpan(_marks);
        int place = marks.LastIndexOf(mark);
        while (place >= 0 && !(_table[place].Is(field.Name) && _table[place].Value.AsSpan().SequenceEqual(field.Value)))
        {
            place = marks[..place].LastIndexOf(mark);
        }

        return place;
    }

    private void Evict(int room)
    {
        int gone = 0;
        while (gone < _table.Count && _tableSize + room > _maxTableSize)
        {
            _tableSize -= _table[gone++].Size;
        }

        _table.RemoveRange(0, gone);
        _marks.RemoveRange(0, gone);
    }

    private void Literal(byte kind, int prefixBits, int nameIndex, HeaderField field)
    {
        Integer(kind, prefixBits, nameIndex);
        if (nameIndex == 0)
        {
            Text(field.Name);
        }

        Text(field.Value);
    }

    private void Text(byte[] text)
    {
        Integer(0, 7, text.Length);
        text.CopyTo(_block, _length);
        _length += text.Length;
    }

    // Source: RFC 7541, section 5.1.
    private void Integer(byte kind, int prefixBits, int value)
    {
        int mask = (1 << prefixBits) - 1;
        if (value < mask)
        {
            _block[_length++] = (byte)(kind | value);
            return;
        }

        _block[_length++] = (byte)(kind | mask);
        for (value -= mask; value >= 0x80; value >>= 7)
        {
            _block[_length++] = (byte)((value & 0x7F) | 0x80);
        }

        _block[_length++] = (byte)value;
    }
}
