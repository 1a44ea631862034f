using Cloister.Enclave.Tees.Vm;
using Cloister.Simulator.Dcap;

namespace Cloister.Tee.Tests.Support;

/// <summary>A trust domain: the TDX module's answer through /dev/tdx_guest, quotes of a simulated platform through configfs-tsm.</summary>
internal sealed class TdxMachine : TsmMachine
{
    internal TdxMachine(DcapMint? vendor = null)
    {
        Vendor = vendor ?? new DcapMint();
        Provider = "tdx_guest";
        Out = reportData => Vendor.Platform.QuoteTdx(Domain with { ReportData = reportData });
        unsafe
        {
            this[TdReport.Device].OnControl = Answer;
        }
    }

    internal DcapMint Vendor { get; }

    /// <summary>What this trust domain is.</summary>
    internal TdReportFields Domain { get; set; } = new() { MrTd = Sample.Bytes(48, 0x7D), TdAttributes = new byte[] { 0, 0, 0, 0x10, 0, 0, 0, 0 } };

    /// <summary>Changes what the module answers.</summary>
    internal Action<byte[]>? Lie { get; set; }

    internal static TdReportFields Version15(TdReportFields fields) => fields with { TeeTcbSvn2 = new byte[] { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } };

    // struct tdx_report_req, written out by offset independently of the reader: TDREPORT has REPORTMACSTRUCT at 0 and TDINFO at 512.
    private unsafe void Answer(uint code, void* argument)
    {
        Assert.Equal(0xC4405401u, code);
        Span<byte> exchange = new(argument, 64 + 1024);
        byte[] report = new byte[1024];
        report[0] = 0x81;
        exchange[..64].CopyTo(report.AsSpan(128));
        Domain.TdAttributes.Span.CopyTo(report.AsSpan(512));
        Domain.Xfam.Span.CopyTo(report.AsSpan(520));
        Domain.MrTd.Span.CopyTo(report.AsSpan(528));
        Domain.MrConfigId.Span.CopyTo(report.AsSpan(576));
        Lie?.Invoke(report);
        report.CopyTo(exchange[64..]);
    }
}
