namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Reads header blocks of one connection and direction, in their order. Any fault ends the connection, since the table is then lost.
/// Source: RFC 7541. Not thread-safe. secrets: none.
/// </summary>
internal sealed class HpackDecoder
{
    /// <summary>Bytes of the table: the protocol's default, which needs no announcement.</summary>
    internal const int TableSize = 4096;

    /// <summary>Bytes that the fields of a block may have, counted as HPACK counts.</summary>
    internal const int MaxListSize = 16_384;

    private readonly List<HeaderField> _table = [];
    private readonly List<HeaderField> _fields = [];
    private int _maxTableSize = TableSize;
    private int _tableSize;

    /// <summary>Decodes one block, into a list that is valid until the next.</summary>
    /// <exception cref="Http2Exception">It is malformed or too large.</exception>
    internal List<HeaderField> Decode(ReadOnlySpan<byte> block)
    {
        List<HeaderField> fields = _fields;
        fields.Clear();
        int listSize = 0;
        bool begun = false;
        while (!block.IsEmpty)
        {
            byte first = block[0];
            if ((first & 0xE0) == 0x20)
            {
                int size = ReadInteger(ref block, 5);
                if (begun || size > TableSize)
                {
                    throw Malformed();
                }

                _maxTableSize = size;
                Evict(0);
                continue;
            }

            begun = true;
            HeaderField field;
            if ((first & 0x80) != 0)
            {
                field = Lookup(ReadInteger(ref block, 7));
            }
            else
            {
                bool indexed = (first & 0x40) != 0;
                int name = ReadInteger(ref block, indexed ? 6 : 4);
                field = new HeaderField(name == 0 ? ReadString(ref block) : Lookup(name).Name, ReadString(ref block), Sensitive: (first & 0xF0) == 0x10);
                if (indexed)
                {
                    Add(field);
                }
            }

            listSize += field.Size;
            if (listSize > MaxListSize)
            {
                throw new Http2Exception(PeerFault.HeaderListTooLarge);
            }

            fields.Add(field);
        }

        return fields;
    }

    private static Http2Exception Malformed() => new(PeerFault.MalformedHeaderBlock);

    // Source: RFC 7541, section 5.1. Nothing here is larger than a block.
    private static int ReadInteger(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        int mask = (1 << prefixBits) - 1;
        int value = block[0] & mask;
        block = block[1..];
        if (value < mask)
        {
            return value;
        }

        for (int shift = 0; shift <= 14 && !block.IsEmpty; shift += 7)
        {
            byte next = block[0];
            block = block[1..];
            value += (next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                return value;
            }
        }

        throw Malformed();
    }

    private static byte[] ReadString(ref ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty)
        {
            throw Malformed();
        }

        bool huffman = (block[0] & 0x80) != 0;
        int length = ReadInteger(ref block, 7);
        if (length > block.Length)
        {
            throw Malformed();
        }

        ReadOnlySpan<byte> text = block[..length];
        block = block[length..];
        if (!huffman)
        {
            return text.ToArray();
        }

        byte[] decoded = new byte[(length * 8 / 5) + 1];
        int written = HpackHuffman.Decode(text, decoded);
        return written >= 0 ? decoded[..written] : throw Malformed();
    }

    private HeaderField Lookup(int index)
    {
        if (index == 0)
        {
            throw Malformed();
        }

        if (index <= HpackStaticTable.Count)
        {
            return HpackStaticTable.Get(index);
        }

        // The newest entry has the lowest index and stands last.
        int place = _table.Count - (index - HpackStaticTable.Count);
        return place >= 0 ? _table[place] : throw Malformed();
    }

    private void Add(HeaderField field)
    {
        Evict(field.Size);
        if (field.Size <= _maxTableSize)
        {
            _table.Add(field);
            _tableSize += field.Size;
        }
    }

    // Makes room; a field that is larger than the table empties it. Source: RFC 7541, section 4.4.
    private void Evict(int room)
    {
        int gone = 0;
        while (gone < _table.Count && _tableSize + room > _maxTableSize)
        {
            _tableSize -= _table[gone++].Size;
        }

        _table.RemoveRange(0, gone);
    }
}
