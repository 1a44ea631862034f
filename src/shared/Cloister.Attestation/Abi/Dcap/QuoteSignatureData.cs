namespace Cloister.Attestation.Abi.Dcap;

/// <summary>The signature section of a quote: attestation key, the quoting enclave's report that vouches for it, and what certifies the platform.</summary>
public sealed class QuoteSignatureData
{
    /// <summary>Certification data type: PCK certificate chain, PEM.</summary>
    public const ushort PckChain = 5;

    private const ushort QeReportCertification = 6;

    private QuoteSignatureData()
    {
    }

    /// <summary>ECDSA P-256 by the attestation key, r || s.</summary>
    public ReadOnlyMemory<byte> Signature { get; private init; }

    /// <summary>The attestation key, x || y.</summary>
    public ReadOnlyMemory<byte> AttestationKey { get; private init; }

    /// <summary>Report of the quoting enclave.</summary>
    public EnclaveReport QeReport { get; private init; } = null!;

    /// <summary>ECDSA P-256 by the PCK key over <see cref="QeReport"/>, r || s.</summary>
    public ReadOnlyMemory<byte> QeReportSignature { get; private init; }

    /// <summary>Of the quoting enclave's choice; 0 to 65535 bytes, 32 with Intel's.</summary>
    public ReadOnlyMemory<byte> QeAuthData { get; private init; }

    /// <summary>1 to 5; <see cref="PckChain"/> carries the chain in the quote.</summary>
    public ushort CertificationDataType { get; private init; }

    /// <summary>Certification data as its type says.</summary>
    public ReadOnlyMemory<byte> CertificationData { get; private init; }

    /// <summary>Reads the section of <paramref name="length"/> bytes at <paramref name="start"/>; it must be consumed exactly.</summary>
    internal static QuoteSignatureData Read(ReadOnlyMemory<byte> quote, int start, int length, bool nested)
    {
        ReadOnlyMemory<byte> section = quote.Slice(start, length);
        FieldReader reader = new(section.Span, "quote.signature_data", start);
        reader.Bytes("signature", 64);
        reader.Bytes("attestation_key", 64);
        if (nested)
        {
            ushort outerType = reader.U16("certification_data_type");
            if (outerType != QeReportCertification)
            {
                throw reader.ErrorBefore("certification_data_type", 2, $"{outerType}, expected 6 (QE report certification data)");
            }

            uint size = reader.U32("certification_data_size");
            if (size != (uint)reader.Remaining)
            {
                throw reader.ErrorBefore("certification_data_size", 4, $"declares {size} bytes, {reader.Remaining} left");
            }
        }

        int at = reader.Position;
        reader.Bytes("qe_report", EnclaveReport.Length);
        reader.Bytes("qe_report_signature", 64);
        ushort authLength = reader.U16("qe_auth_data_length");
        int authAt = reader.Position;
        reader.Bytes("qe_auth_data", authLength);
        ushort type = reader.U16("qe_certification_data_type");
        if (type is < 1 or > 5)
        {
            throw reader.ErrorBefore("qe_certification_data_type", 2, $"{type}, known are 1 to 5");
        }

        uint dataSize = reader.U32("qe_certification_data_size");
        int dataAt = reader.Position;
        reader.Bytes("qe_certification_data", dataSize);
        reader.End("end");
        return new QuoteSignatureData
        {
            Signature = section[..64],
            AttestationKey = section.Slice(64, 64),
            QeReport = new EnclaveReport(section.Slice(at, EnclaveReport.Length)),
            QeReportSignature = section.Slice(at + EnclaveReport.Length, 64),
            QeAuthData = section.Slice(authAt, authLength),
            CertificationDataType = type,
            CertificationData = section[dataAt..],
        };
    }
}
