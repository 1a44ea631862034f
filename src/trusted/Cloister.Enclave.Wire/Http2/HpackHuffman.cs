namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Decodes HPACK's Huffman code. The code is canonical: the lengths give the codes, shorter first, then by symbol.
/// Source: RFC 7541, section 5.2 and appendix B. secrets: none.
/// </summary>
internal static class HpackHuffman
{
    private const int EndOfString = 256;
    private const int MaxLength = 30;

    // Number of symbols, first code, and place of the first symbol, by length.
    private static readonly int[] Count = new int[MaxLength + 1];
    private static readonly uint[] FirstCode = new uint[MaxLength + 1];
    private static readonly int[] FirstSymbol = new int[MaxLength + 1];
    private static readonly short[] Symbols = new short[EndOfString + 1];

    static HpackHuffman()
    {
        ReadOnlySpan<byte> lengths = Lengths;
        foreach (byte length in lengths)
        {
            Count[length]++;
        }

        int place = 0;
        uint code = 0;
        for (int length = 1; length <= MaxLength; length++)
        {
            code <<= 1;
            FirstCode[length] = code;
            FirstSymbol[length] = place;
            for (int symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] == length)
                {
                    Symbols[place++] = (short)symbol;
                    code++;
                }
            }
        }
    }

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>Decodes a string.</summary>
    /// <param name="encoded">The code, padded to whole bytes.</param>
    /// <param name="decoded">Where to write it; 8/5 of the encoded length are enough.</param>
    /// <returns>Bytes written, or -1: not the code, or padding that is not the first bits of the end symbol, fewer than eight.</returns>
    internal static int Decode(ReadOnlySpan<byte> encoded, Span<byte> decoded)
    {
        int written = 0;
        uint code = 0;
        int length = 0;
        foreach (byte b in encoded)
        {
            for (int bit = 7; bit >= 0; bit--)
            {
                code = (code << 1) | ((uint)(b >> bit) & 1);
                length++;
                if (length > MaxLength)
                {
                    return -1;
                }

                // The codes of a length are neighbours; what lies above them begins a longer code.
                if (code >= FirstCode[length] && code - FirstCode[length] < (uint)Count[length])
                {
                    int symbol = Symbols[FirstSymbol[length] + (int)(code - FirstCode[length])];
                    if (symbol == EndOfString)
                    {
                        return -1;
                    }

                    decoded[written++] = (byte)symbol;
                    (code, length) = (0, 0);
                }
            }
        }

        return length < 8 && code == (1u << length) - 1 ? written : -1;
    }
}
