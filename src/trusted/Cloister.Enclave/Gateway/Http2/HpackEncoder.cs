namespace Cloister.Enclave.Gateway.Http2;

/// <summary>
/// Writes header blocks as literals that no table remembers, so that a block can be left out, or come from another connection, and
/// nothing gets out of step. Source: RFC 7541, section 6.2.2. Stateless. secrets: none.
/// </summary>
internal static class HpackEncoder
{
    /// <summary>Encodes one block.</summary>
    internal static byte[] Encode(IReadOnlyList<HeaderField> fields)
    {
        int size = 0;
        foreach (HeaderField field in fields)
        {
            // HPACK's count for a field, 32 bytes and its own, is more than a literal takes.
            size += field.Size;
        }

        byte[] block = new byte[size];
        int written = 0;
        foreach (HeaderField field in fields)
        {
            block[written++] = 0;
            WriteString(block, ref written, field.Name);
            WriteString(block, ref written, field.Value);
        }

        return block[..written];
    }

    private static void WriteString(byte[] block, ref int written, byte[] text)
    {
        const int Mask = 0x7F;
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
