using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Azure;

/// <summary>
/// The TDREPORT in a paravisor's report (Intel TDX Module ABI, TDREPORT_STRUCT): REPORTMACSTRUCT (256 bytes), TEE_TCB_INFO (239), reserved (17), TDINFO (512). Its MAC is for
/// the machine that made it; elsewhere a quote says the same, and this only tells whether it is a quote of this report.
/// </summary>
internal readonly ref struct TdReportStruct
{
    private const int ReportDataAt = 128;
    private const int TcbInfoAt = 256;
    private const int TdInfoAt = 512;
    private const byte TdxType = 0x81;

    private readonly ReadOnlySpan<byte> _bytes;

    private TdReportStruct(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>64 bytes that the paravisor chose.</summary>
    public ReadOnlySpan<byte> ReportData => _bytes.Slice(ReportDataAt, 64);

    /// <exception cref="EvidenceFormatException">The report is none of TDX.</exception>
    public static TdReportStruct Of(HclReport hcl)
    {
        ReadOnlySpan<byte> bytes = hcl.HardwareReport.Span;
        return bytes.Length == HclReport.TdReportLength && bytes[0] == TdxType ? new TdReportStruct(bytes) : throw new EvidenceFormatException("td_report.type", 0, "no TDREPORT");
    }

    /// <summary>
    /// Whether a quote's body has this report's identity: report data, MRSEAM, attributes, measurements and registers. Security versions are the platform's now, and the quote's count.
    /// </summary>
    public bool IsQuotedIn(TdReport quoted)
    {
        // TDINFO: ATTRIBUTES 8, XFAM 8, MRTD 48, MRCONFIGID 48, MROWNER 48, MROWNERCONFIG 48, RTMR0..3: as in a quote's body from TDATTRIBUTES on.
        const int IdentityLength = 8 + 8 + (8 * 48);
        const int AttributesInBody = 120;
        const int MrSeamInTcbInfo = 8 + 16;
        return ReportData.SequenceEqual(quoted.ReportData.Span)
            && _bytes.Slice(TdInfoAt, IdentityLength).SequenceEqual(quoted.Body.Span.Slice(AttributesInBody, IdentityLength))
            && _bytes.Slice(TcbInfoAt + MrSeamInTcbInfo, 48).SequenceEqual(quoted.MrSeam.Span);
    }
}
