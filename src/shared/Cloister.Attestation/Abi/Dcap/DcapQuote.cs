namespace Cloister.Attestation.Abi.Dcap;

/// <summary>
/// A DCAP ECDSA quote: version 3 (SGX), 4 (SGX or TD report 1.0) or 5 (SGX, TD report 1.0 or 1.5). Read strictly: every declared length is consumed exactly. Bytes after the
/// signature data (platforms hand out whole buffers, padded with zeros or with whatever was in them) are counted, not read and not believed.
/// </summary>
public sealed class DcapQuote
{
    /// <summary>Largest quote read, padding included.</summary>
    public const int MaximumLength = 1024 * 1024;

    private DcapQuote()
    {
    }

    /// <summary>The header.</summary>
    public QuoteHeader Header { get; private init; } = null!;

    /// <summary>The enclave's report; null in a TDX quote.</summary>
    public EnclaveReport? EnclaveReport { get; private init; }

    /// <summary>The trust domain's report; null in an SGX quote.</summary>
    public TdReport? TdReport { get; private init; }

    /// <summary>What the attestation key signed: header and body.</summary>
    public ReadOnlyMemory<byte> SignedBytes { get; private init; }

    /// <summary>The signature section.</summary>
    public QuoteSignatureData SignatureData { get; private init; } = null!;

    /// <summary>How many bytes follow the signature section.</summary>
    public int TrailingLength { get; private init; }

    /// <summary>Which TEE the quote is of.</summary>
    public Tee Tee => TdReport is null ? Tee.Sgx : Tee.Tdx;

    /// <summary>Reads a quote.</summary>
    /// <exception cref="EvidenceFormatException">It is not exactly as specified.</exception>
    public static DcapQuote Parse(ReadOnlyMemory<byte> quote)
    {
        if (quote.Length > MaximumLength)
        {
            throw new EvidenceFormatException("quote", 0, $"{quote.Length} bytes, at most {MaximumLength} are read");
        }

        QuoteHeader header = QuoteHeader.Read(quote);
        FieldReader reader = new(quote.Span, "quote");
        reader.Bytes("header", QuoteHeader.Length);
        int bodyLength = header.TeeType == QuoteHeader.SgxTeeType ? Dcap.EnclaveReport.Length : Dcap.TdReport.Length10;
        if (header.Version == EvidenceVersions.QuoteWithBodyDescriptor)
        {
            bodyLength = ReadBodyDescriptor(ref reader, header);
        }

        int bodyAt = reader.Position;
        reader.Bytes("body", bodyLength);
        int signedLength = reader.Position;
        uint signatureLength = reader.U32("signature_data_length");
        int signatureAt = reader.Position;
        reader.Bytes("signature_data", signatureLength);
        int trailing = reader.Remaining;
        ReadOnlyMemory<byte> body = quote.Slice(bodyAt, bodyLength);
        bool isSgx = header.TeeType == QuoteHeader.SgxTeeType;
        return new DcapQuote
        {
            Header = header,
            EnclaveReport = isSgx ? new EnclaveReport(body) : null,
            TdReport = isSgx ? null : new TdReport(body),
            SignedBytes = quote[..signedLength],
            SignatureData = QuoteSignatureData.Read(quote, signatureAt, (int)signatureLength, nested: header.Version > 3),
            TrailingLength = trailing,
        };
    }

    /// <summary>Body type (2 bytes) and size (4 bytes) of version 5; the pair must agree with the TEE type.</summary>
    private static int ReadBodyDescriptor(ref FieldReader reader, QuoteHeader header)
    {
        ushort type = reader.U16("body_type");
        int expected = (type, header.TeeType) switch
        {
            ((ushort)EvidenceVersions.SgxBody, QuoteHeader.SgxTeeType) => Dcap.EnclaveReport.Length,
            ((ushort)EvidenceVersions.TdBody10, QuoteHeader.TdxTeeType) => Dcap.TdReport.Length10,
            ((ushort)EvidenceVersions.TdBody15, QuoteHeader.TdxTeeType) => Dcap.TdReport.Length15,
            _ when !EvidenceVersions.QuoteBody.Contains(type) => throw reader.UnknownVersion("body_type", 2, type, EvidenceVersions.QuoteBody),
            _ => throw reader.ErrorBefore("body_type", 2, $"{type} with TEE type 0x{header.TeeType:x8}"),
        };
        uint size = reader.U32("body_size");
        return size == (uint)expected ? expected : throw reader.ErrorBefore("body_size", 4, $"{size}, a body of type {type} has {expected} bytes");
    }
}
