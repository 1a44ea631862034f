using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Azure;

/// <summary>
/// The report that Azure's paravisor (HCL) leaves in the vTPM's NV index 0x01400001: a header, the report of the hardware, and the runtime
/// data whose SHA-256 the paravisor put into the report data. The guest has no say in the report data: freshness and the guest's own
/// keys come from the vTPM, whose attestation key is in the runtime data.
/// </summary>
public sealed class HclReport
{
    /// <summary>Length of everything before the runtime data.</summary>
    public const int HeaderLength = 32 + ReportAreaLength + 20;

    /// <summary>Length of TDX's TDREPORT, which only the machine that made it can verify.</summary>
    public const int TdReportLength = 1024;

    private const int ReportAreaLength = SnpReport.Length;
    private const uint RequestType = 2;
    private const uint ReportTypeSnp = 2;
    private const uint ReportTypeTdx = 4;
    private const uint HashSha256 = 1;

    private HclReport(Tee tee, ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte> hardwareReport, ReadOnlyMemory<byte> runtimeData, uint version)
    {
        Tee = tee;
        Bytes = bytes;
        HardwareReport = hardwareReport;
        RuntimeData = runtimeData;
        Version = version;
    }

    /// <summary>The hardware under the paravisor: <see cref="Tee.Snp"/> or <see cref="Tee.Tdx"/>.</summary>
    public Tee Tee { get; }

    /// <summary>Version of the header: 1 or 2.</summary>
    public uint Version { get; }

    /// <summary>All of it, as it was received.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>An SNP report of 1184 bytes, or a TDREPORT of 1024. Not parsed here.</summary>
    public ReadOnlyMemory<byte> HardwareReport { get; }

    /// <summary>The runtime data, a JSON text, as it was hashed. Not parsed here.</summary>
    public ReadOnlyMemory<byte> RuntimeData { get; }

    /// <summary>Whether the bytes start as an HCL report does.</summary>
    /// <param name="bytes">Any bytes.</param>
    public static bool Recognises(ReadOnlySpan<byte> bytes) => bytes.StartsWith("HCLA"u8);

    /// <summary>Reads an HCL report; zero bytes may follow it, as the NV index is larger than its content.</summary>
    /// <param name="bytes">The content of the NV index; kept, not copied.</param>
    /// <exception cref="EvidenceFormatException">The header or a length is not as specified.</exception>
    public static HclReport Parse(ReadOnlyMemory<byte> bytes)
    {
        FieldReader reader = new(bytes.Span, "hcl_report");
        if (!reader.Bytes("signature", 4).SequenceEqual("HCLA"u8))
        {
            throw reader.ErrorBefore("signature", 4, "not HCLA");
        }

        uint version = reader.U32("version");
        if (version is not (1 or 2))
        {
            throw reader.UnknownVersion("version", 4, version, [1, 2]);
        }

        uint reportSize = reader.U32("report_size");
        Expect(ref reader, "request_type", RequestType);
        Expect(ref reader, "status", 0);
        reader.Zero("reserved", 12);
        int reportAt = reader.Offset;
        reader.Bytes("report", TdReportLength);
        int behindTdReport = reader.Offset;
        reader.Bytes("report", ReportAreaLength - TdReportLength);
        uint runtimeSize = reader.U32("runtime_size");
        Expect(ref reader, "runtime_version", 1);
        uint type = reader.U32("report_type");
        Tee tee = type switch
        {
            ReportTypeSnp => Tee.Snp,
            ReportTypeTdx => Tee.Tdx,
            _ => throw reader.ErrorBefore("report_type", 4, $"{type}, expected {ReportTypeSnp} (SEV-SNP) or {ReportTypeTdx} (TDX)"),
        };
        Expect(ref reader, "hash_type", HashSha256);
        uint dataSize = reader.U32("data_size");
        if (runtimeSize < 20 || dataSize != runtimeSize - 20 || reportSize != (ulong)HeaderLength + dataSize)
        {
            throw reader.ErrorBefore("data_size", 4, $"sizes {reportSize}, {runtimeSize} and {dataSize} do not go together");
        }

        int dataAt = reader.Offset;
        int dataLength = reader.Bytes("runtime_data", dataSize).Length;
        reader.Zero("padding", reader.Remaining);
        int reportLength = tee == Tee.Snp ? SnpReport.Length : TdReportLength;
        if (bytes.Span[(reportAt + reportLength)..(reportAt + ReportAreaLength)].ContainsAnyExcept((byte)0))
        {
            throw new EvidenceFormatException("hcl_report.report", behindTdReport, "bytes behind the TDREPORT are not zero");
        }

        return new HclReport(tee, bytes, bytes.Slice(reportAt, reportLength), bytes.Slice(dataAt, dataLength), version);
    }

    private static void Expect(ref FieldReader reader, string field, uint expected)
    {
        uint value = reader.U32(field);
        if (value != expected)
        {
            throw reader.ErrorBefore(field, 4, $"{value}, expected {expected}");
        }
    }
}
