using System.Buffers.Binary;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// The few fields of a TDX quote, version 4 or 5, that its own enclave looks at. Nothing is verified: that is for the relying party. Source:
/// Intel TDX DCAP Quoting Library API, appendix 3 and 4. secrets: none.
/// </summary>
internal readonly ref struct TdQuote
{
    private const int HeaderSize = 48;
    private const int DescriptorSize = 6;
    private const uint TeeTdx = 0x81;
    private const int TdReport10 = 584;
    private const int TdReport15 = 648;

    private readonly ReadOnlySpan<byte> _body;

    private TdQuote(ReadOnlySpan<byte> body)
    {
        _body = body;
    }

    internal bool IsDebug => (_body[120] & 1) != 0;

    internal ReadOnlySpan<byte> MrTd => _body.Slice(136, 48);

    internal ReadOnlySpan<byte> MrConfigId => _body.Slice(184, 48);

    internal ReadOnlySpan<byte> ReportData => _body.Slice(520, 64);

    /// <summary>Finds the body; false when this is no TDX quote.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> quote, out TdQuote read)
    {
        read = default;
        if (quote.Length < HeaderSize + DescriptorSize || BinaryPrimitives.ReadUInt32LittleEndian(quote[4..]) != TeeTdx)
        {
            return false;
        }

        (int start, int size) = BinaryPrimitives.ReadUInt16LittleEndian(quote) switch
        {
            4 => (HeaderSize, TdReport10),
            5 => (HeaderSize + DescriptorSize, Described(quote[HeaderSize..])),
            _ => (0, 0),
        };

        // Signature data with its length follows.
        if (size == 0 || quote.Length < start + size + sizeof(uint))
        {
            return false;
        }

        read = new TdQuote(quote.Slice(start, size));
        return true;
    }

    private static int Described(ReadOnlySpan<byte> descriptor)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(descriptor);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[2..]);
        return (type, size) switch
        {
            (2, TdReport10) => TdReport10,
            (3, TdReport15) => TdReport15,
            _ => 0,
        };
    }
}
