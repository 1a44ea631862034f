using System.Buffers.Binary;
using Cloister.Attestation.Abi;

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

    /// <summary>Whether this looks like a TDX quote, or the body of one, of a version that this enclave does not know yet.</summary>
    internal static bool IsNewer(ReadOnlySpan<byte> quote)
    {
        if (quote.Length < HeaderSize + DescriptorSize || BinaryPrimitives.ReadUInt32LittleEndian(quote[4..]) != TeeTdx)
        {
            return false;
        }

        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(quote);
        return EvidenceVersions.IsNewer(version, EvidenceVersions.TdQuote)
            || (version == EvidenceVersions.QuoteWithBodyDescriptor && EvidenceVersions.IsNewer(BinaryPrimitives.ReadUInt16LittleEndian(quote[HeaderSize..]), EvidenceVersions.QuoteBody));
    }

    /// <summary>Finds the body; false when this is no TDX quote.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> quote, out TdQuote read)
    {
        read = default;
        if (quote.Length < HeaderSize + DescriptorSize || BinaryPrimitives.ReadUInt32LittleEndian(quote[4..]) != TeeTdx)
        {
            return false;
        }

        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(quote);
        (int start, int size) = !EvidenceVersions.TdQuote.Contains(version) ? (0, 0)
            : version < EvidenceVersions.QuoteWithBodyDescriptor ? (HeaderSize, TdReport10)
            : (HeaderSize + DescriptorSize, Described(quote[HeaderSize..]));

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
            ((ushort)EvidenceVersions.TdBody10, TdReport10) => TdReport10,
            ((ushort)EvidenceVersions.TdBody15, TdReport15) => TdReport15,
            _ => 0,
        };
    }
}
