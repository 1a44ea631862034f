using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>Quotes of a trust domain, version 4 or 5, through configfs-tsm. secrets: none.</summary>
internal sealed class TdxDevice : IEvidenceDevice
{
    private const string Provider = "tdx_guest";

    private readonly TsmReports _reports;
    private readonly TdReport _own;

    /// <summary>Names the trust domain that quotes have to be of.</summary>
    internal TdxDevice(IDevices devices, TdReport own)
    {
        _reports = new TsmReports(devices, Provider);
        _own = own;
    }

    public string Tee => "tdx";

    public JsonElement Collect(EvidenceBinding binding)
    {
        byte[] quote = _reports.Get(binding.ReportData.Span).Out;
        if (!TdQuote.TryRead(quote, out TdQuote read))
        {
            throw TdQuote.IsNewer(quote)
                ? new TeeException($"the host's quoting service gave a TDX quote of a version newer than this enclave knows: install a newer one, or ask the host's operator for quotes of version 4 or 5")
                : new TeeException($"the host's quoting service gave {quote.Length} bytes that are no TDX quote of version 4 or 5: ask the host's operator to look at it");
        }

        if (!read.ReportData.SequenceEqual(binding.ReportData.Span))
        {
            throw new TeeException("the quote does not cover what was asked: the host gave an old one or another's, ask its operator to look at its quoting service");
        }

        return read.MrTd.SequenceEqual(_own.MrTd) && read.MrConfigId.SequenceEqual(_own.MrConfigId) && !read.IsDebug
            ? EvidenceText.Write(("quote", quote))
            : throw new TeeException("the quote is of another trust domain: ask the host's operator to look at its quoting service");
    }

    public TeeException Explain(DeviceException refusal) => Advice(refusal);

    internal static TeeException Advice(DeviceException refusal) => refusal.Path == TdReport.Device && refusal.IsPermission
        ? new TeeException($"{refusal.Message}: run the enclave as root, or give its user access to {TdReport.Device}")
        : TsmAdvice.Explain(refusal, "tdx-guest", "the host's quote generation service (QGS) does not answer, or its machine is not registered; ask the host's operator to start it");
}
