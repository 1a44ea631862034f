using System.Buffers.Binary;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>
/// The few fields of an SGX quote, version 3, that its own enclave looks at. Nothing is verified: that is for the relying party. Source:
/// Intel SGX ECDSA QuoteLib Reference, appendix A.4. secrets: none.
/// </summary>
internal readonly ref struct SgxQuote
{
    private const int BodyAt = 48;
    private const int SignatureAt = 432;

    private readonly ReadOnlySpan<byte> _body;

    private SgxQuote(ReadOnlySpan<byte> body)
    {
        _body = body;
    }

    internal bool IsDebug => (BinaryPrimitives.ReadUInt64LittleEndian(_body[48..]) & 2) != 0;

    internal ReadOnlySpan<byte> MrEnclave => _body.Slice(64, 32);

    internal ReadOnlySpan<byte> ReportData => _body.Slice(320, 64);

    /// <summary>Finds the body; false when this is no SGX quote.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> quote, out SgxQuote read)
    {
        read = default;
        if (quote.Length <= SignatureAt + sizeof(uint)
            || BinaryPrimitives.ReadUInt16LittleEndian(quote) != 3
            || BinaryPrimitives.ReadUInt32LittleEndian(quote[4..]) != 0)
        {
            return false;
        }

        read = new SgxQuote(quote[BodyAt..SignatureAt]);
        return true;
    }
}
