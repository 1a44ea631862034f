using System.Buffers.Binary;
using Cloister.Attestation.Abi;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// The few fields of a SEV-SNP report that its own enclave looks at. Nothing is verified: that is for the relying party. Source: SEV-SNP
/// Firmware ABI (56860), "ATTESTATION_REPORT". secrets: none.
/// </summary>
internal readonly ref struct SnpReportFields
{
    private const int Size = 1184;
    private const ulong DebugAllowed = 1UL << 19;

    private readonly ReadOnlySpan<byte> _report;

    private SnpReportFields(ReadOnlySpan<byte> report)
    {
        _report = report;
    }

    internal bool IsDebug => (BinaryPrimitives.ReadUInt64LittleEndian(_report[0x008..]) & DebugAllowed) != 0;

    internal uint Vmpl => BinaryPrimitives.ReadUInt32LittleEndian(_report[0x030..]);

    internal ReadOnlySpan<byte> ReportData => _report.Slice(0x050, 64);

    internal ReadOnlySpan<byte> Measurement => _report.Slice(0x090, 48);

    internal ReadOnlySpan<byte> HostData => _report.Slice(0x0C0, 32);

    internal ulong CommittedTcb => BinaryPrimitives.ReadUInt64LittleEndian(_report[0x1E0..]);

    /// <summary>Whether this looks like a report of a version that this enclave does not know yet.</summary>
    internal static bool IsNewer(ReadOnlySpan<byte> report) => report.Length == Size && EvidenceVersions.IsNewer(BinaryPrimitives.ReadUInt32LittleEndian(report), EvidenceVersions.SnpReport);

    /// <summary>False when this is no report, or of a version that is not known.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> report, out SnpReportFields read)
    {
        read = default;
        if (report.Length != Size || !EvidenceVersions.SnpReport.Contains(BinaryPrimitives.ReadUInt32LittleEndian(report)) || BinaryPrimitives.ReadUInt32LittleEndian(report[0x034..]) != 1)
        {
            return false;
        }

        read = new SnpReportFields(report);
        return true;
    }
}
