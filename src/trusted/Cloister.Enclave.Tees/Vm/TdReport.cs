using System.Buffers.Binary;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// What the TDX module says about this trust domain, without the host in between: it answers a call of the guest itself. Quotes come through
/// the host and are held against it. Source: TDX_CMD_GET_REPORT0 of linux/tdx-guest.h; TDREPORT_STRUCT of the TDX module's ABI. secrets: none.
/// </summary>
internal sealed class TdReport
{
    internal const string Device = "/dev/tdx_guest";

    // _IOWR('T', 1, struct tdx_report_req): report data 64, TDREPORT 1024.
    internal const uint GetReport = 0xC4405401;
    internal const int ReportDataSize = 64;
    internal const int Size = 1024;

    private const byte TypeTdx = 0x81;
    private const int ReportDataAt = 128;
    private const int InfoAt = 512;

    private readonly byte[] _report;

    private TdReport(byte[] report)
    {
        _report = report;
    }

    internal bool IsDebug => (BinaryPrimitives.ReadUInt64LittleEndian(_report.AsSpan(InfoAt)) & 1) != 0;

    internal ReadOnlySpan<byte> MrTd => _report.AsSpan(InfoAt + 16, 48);

    internal ReadOnlySpan<byte> MrConfigId => _report.AsSpan(InfoAt + 64, 48);

    /// <summary>Asks the module.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">Its answer is none to what was asked.</exception>
    internal static unsafe TdReport Get(IDevices devices, ReadOnlySpan<byte> reportData)
    {
        byte[] exchange = GC.AllocateArray<byte>(ReportDataSize + Size, pinned: true);
        reportData.CopyTo(exchange);
        using (IDeviceFile file = devices.Open(Device, DeviceAccess.ReadWrite))
        {
            fixed (byte* argument = exchange)
            {
                file.Control(GetReport, argument);
            }
        }

        byte[] report = exchange[ReportDataSize..];
        return report[0] == TypeTdx && report.AsSpan(ReportDataAt, ReportDataSize).SequenceEqual(reportData)
            ? new TdReport(report)
            : throw new TeeException($"{Device} gave no report of this trust domain: look at the kernel and the TDX module, and at what stands for {Device}");
    }
}
