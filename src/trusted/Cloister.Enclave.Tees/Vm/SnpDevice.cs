using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>Reports of a SEV-SNP guest with the host's certificates, through configfs-tsm. The firmware encrypts them to this guest. secrets: none.</summary>
internal sealed class SnpDevice : IEvidenceDevice
{
    private const string Provider = "sev_guest";

    private readonly TsmReports _reports;

    internal SnpDevice(IDevices devices)
    {
        _reports = new TsmReports(devices, Provider);
    }

    public string Tee => "snp";

    public JsonElement Collect(EvidenceBinding binding)
    {
        TsmReport report = Get(binding.ReportData.Span);
        return EvidenceText.Write(("report", report.Out), ("certs", report.Aux));
    }

    public TeeException Explain(DeviceException refusal) => Advice(refusal);

    internal static TeeException Advice(DeviceException refusal) =>
        TsmAdvice.Explain(refusal, "sev-guest", "the processor's firmware or the hypervisor refused; ask the host's operator to look at its firmware");

    /// <summary>A report that covers <paramref name="reportData"/> and is of a guest without debug.</summary>
    /// <exception cref="TeeException">It does not, or is not.</exception>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    internal TsmReport Get(ReadOnlySpan<byte> reportData)
    {
        TsmReport report = _reports.Get(reportData);
        if (!SnpReportFields.TryRead(report.Out, out SnpReportFields read))
        {
            throw SnpReportFields.IsNewer(report.Out)
                ? new TeeException($"the SEV-SNP report is of version {report.Out[0]}, newer than this enclave knows: install a newer one")
                : new TeeException($"the kernel gave {report.Out.Length} bytes that are no SEV-SNP report: look at the kernel and what is mounted on /sys/kernel/config");
        }

        if (!read.ReportData.SequenceEqual(reportData))
        {
            throw new TeeException("the SEV-SNP report does not cover what was asked: look at the kernel and what is mounted on /sys/kernel/config");
        }

        return !read.IsDebug
            ? report
            : throw new TeeException("the policy of this VM allows debug (bit 19): the host can read its memory. Start the VM with a policy without debug");
    }
}
