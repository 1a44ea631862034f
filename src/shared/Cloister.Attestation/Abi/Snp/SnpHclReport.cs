namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// The report that Azure's paravisor (HCL) leaves in the vTPM's NV index 0x01400001: a header, the SNP report, and the runtime
/// data whose hash the paravisor put into the report data. The guest has no say in the report data: freshness and the guest's own
/// keys come from the vTPM, whose attestation key is in the runtime data.
/// </summary>
public sealed class SnpHclReport
{
    /// <summary>Length of everything before the runtime data.</summary>
    public const int HeaderLength = 32 + SnpReport.Length + 20;

    private const uint ReportTypeSnp = 2;
    private const uint ReportTypeTdx = 4;
    private const uint HashSha256 = 1;

    private SnpHclReport(SnpReport report, ReadOnlyMemory<byte> runtimeData)
    {
        Report = report;
        RuntimeData = runtimeData;
    }

    /// <summary>The report inside.</summary>
    public SnpReport Report { get; }

    /// <summary>The runtime data, a JSON text, as it was hashed. Not parsed here.</summary>
    public ReadOnlyMemory<byte> RuntimeData { get; }

    /// <summary>Whether the bytes start as an HCL report does.</summary>
    /// <param name="bytes">Any bytes.</param>
    public static bool Recognises(ReadOnlySpan<byte> bytes) => bytes.StartsWith("HCLA"u8);

    /// <summary>Reads an HCL report; zero bytes may follow it, as the NV index is larger than its content.</summary>
    /// <param name="bytes">The content of the NV index.</param>
    /// <exception cref="EvidenceFormatException">The header, a length or the report inside is not as specified.</exception>
    public static SnpHclReport Parse(ReadOnlyMemory<byte> bytes)
    {
        FieldReader reader = new(bytes.Span, "hcl_report");
        if (!reader.Bytes("signature", 4).SequenceEqual("HCLA"u8))
        {
            throw reader.ErrorBefore("signature", 4, "not HCLA");
        }

        Expect(ref reader, "version", minimum: 1, maximum: 2);
        uint reportSize = reader.U32("report_size");
        Expect(ref reader, "request_type", ReportTypeSnp, ReportTypeSnp);
        Expect(ref reader, "status", 0, 0);
        reader.Zero("reserved", 12);
        int reportAt = reader.Offset;
        reader.Bytes("report", SnpReport.Length);
        uint runtimeSize = reader.U32("runtime_size");
        Expect(ref reader, "runtime_version", 1, 1);
        uint type = reader.U32("report_type");
        if (type != ReportTypeSnp)
        {
            throw type == ReportTypeTdx
                ? EvidenceFormatException.Unsupported("hcl_report.report_type", reader.Offset - 4, "a TDX report of Azure's paravisor; only its SEV-SNP reports are read")
                : reader.ErrorBefore("report_type", 4, $"{type}, expected {ReportTypeSnp}");
        }

        Expect(ref reader, "hash_type", HashSha256, HashSha256);
        uint dataSize = reader.U32("data_size");
        if (runtimeSize < 20 || dataSize != runtimeSize - 20 || reportSize != (ulong)HeaderLength + dataSize)
        {
            throw reader.ErrorBefore("data_size", 4, $"sizes {reportSize}, {runtimeSize} and {dataSize} do not go together");
        }

        int dataAt = reader.Offset;
        int dataLength = reader.Bytes("runtime_data", dataSize).Length;
        reader.Zero("padding", reader.Remaining);
        return new SnpHclReport(SnpReport.Parse(bytes.Slice(reportAt, SnpReport.Length)), bytes.Slice(dataAt, dataLength));
    }

    private static void Expect(ref FieldReader reader, string field, uint minimum, uint maximum)
    {
        uint value = reader.U32(field);
        if (value < minimum || value > maximum)
        {
            throw reader.ErrorBefore(field, 4, $"{value}, expected {minimum} to {maximum}");
        }
    }
}
