namespace Cloister.Enclave.Gateway.Http2;

/// <summary>
/// Writes header blocks as literals that no table remembers, so that a block can be left out, or come from another connection, and
/// nothing gets out of step. Source: RFC 7541, section 6.2.2. Stateless. secrets: none.
/// </summary>
internal static class HpackEncoder
{
    private const int Mask = 0x7F;

    /// <summary>Encodes one block.</summary>
    internal static byte[] Encode(List<HeaderField> fields)
    {
        int size = 0;
        foreach (HeaderField field in fields)
        {
            size += 1 + StringSize(field.Name) + StringSize(field.Value);
        }

        byte[] block = new byte[size];
        int written = 0;
        foreach (HeaderField field in fields)
        {
            block[written++] = 0;
            WriteString(block, ref written, field.Name);
            WriteString(block, ref written, field.Value);
        }

        return block;
    }

    private static int StringSize(byte[] text)
    {
        int size = text.Length + 1;
        for (int rest = text.Length - Mask; rest >= 0; rest = rest >= 0x80 ? rest >> 7 : -1)
        {
            size++;
        }

        return size;
    }

    private static void WriteString(byte[] block, ref int written, byte[] text)
    {
        if (text.Length < Mask)
        {
            block[written++] = (byte)text.Length;
        }
        else
        {
            block[written++] = Mask;
            int rest = text.Length - Mask;
            while (rest >= 0x80)
            {
                block[written++] = (byte)((rest & 0x7F) | 0x80);
                rest >>= 7;
            }

            block[written++] = (byte)rest;
        }

        text.CopyTo(block, written);
        written += text.Length;
    }
}
