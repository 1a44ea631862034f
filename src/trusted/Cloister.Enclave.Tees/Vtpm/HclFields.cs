using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Enclave.Tees.Vm;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// The few fields of a paravisor's report that its own guest looks at. Nothing is verified: that is for the relying party. Source: Azure guest attestation,
/// HCL report. secrets: none.
/// </summary>
internal readonly ref struct HclFields
{
    internal const int TdReportSize = 1024;

    private const int ReportAt = 32;
    private const int ReportSize = 1184;
    private const int RuntimeAt = ReportAt + ReportSize;
    private const int DataAt = RuntimeAt + 20;
    private const uint Snp = 2;
    private const uint Tdx = 4;

    private HclFields(bool isTdx, ReadOnlySpan<byte> report, ReadOnlySpan<byte> reportData, bool isDebug)
    {
        IsTdx = isTdx;
        Report = report;
        ReportData = reportData;
        IsDebug = isDebug;
    }

    internal bool IsTdx { get; }

    internal bool IsDebug { get; }

    /// <summary>An SNP report, or a TDREPORT.</summary>
    internal ReadOnlySpan<byte> Report { get; }

    internal ReadOnlySpan<byte> ReportData { get; }

    /// <summary>False when this is no such report, or its runtime data is another's.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, out HclFields read)
    {
        read = default;
        if (bytes.Length < DataAt || !bytes.StartsWith("HCLA"u8) || Number(bytes, 4) is not (1 or 2))
        {
            return false;
        }

        uint type = Number(bytes, RuntimeAt + 8);
        uint size = Number(bytes, RuntimeAt + 16);
        if (type is not (Snp or Tdx) || Number(bytes, RuntimeAt + 12) != 1 || size > (uint)(bytes.Length - DataAt))
        {
            return false;
        }

        ReadOnlySpan<byte> report = bytes.Slice(ReportAt, type == Snp ? ReportSize : TdReportSize);
        if (type == Snp)
        {
            if (!SnpReportFields.TryRead(report, out SnpReportFields snp))
            {
                return false;
            }

            read = new HclFields(isTdx: false, report, snp.ReportData, snp.IsDebug);
        }
        else
        {
            // REPORTMACSTRUCT: type at 0, report data at 128; TDINFO at 512 begins with the attributes, whose low byte is debug.
            read = new HclFields(isTdx: true, report, report.Slice(128, 64), report[512] != 0);
        }

        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        SHA256.HashData(bytes.Slice(DataAt, (int)size), expected);
        return read.ReportData.SequenceEqual(expected) && (type == Snp || report[0] == 0x81);
    }

    private static uint Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
