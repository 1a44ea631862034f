using System.Security.Cryptography;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>A trust domain of Intel TDX. It has no key of its own to seal with. secrets: none.</summary>
internal sealed class TdxTee : ITee
{
    private readonly TdReport _own;

    private TdxTee(TdReport own, IEvidenceSource evidence)
    {
        _own = own;
        Evidence = evidence;
    }

    public string Name => "tdx";

    public bool IsSimulated => false;

    public ISealer? Sealer => null;

    public IEvidenceSource Evidence { get; }

    /// <summary>Looks at this trust domain. Needs nothing of the host, so that a start does not wait for its quoting service.</summary>
    /// <exception cref="TeeException">It protects nothing, or is not there.</exception>
    internal static TdxTee Open(IDevices devices, DeviceGate gate)
    {
        try
        {
            TdReport own = gate.Run(() => TdReport.Get(devices, Fresh()));
            if (own.IsDebug)
            {
                throw new TeeException("this trust domain runs with debug on (TDATTRIBUTES.DEBUG): the host can read its memory. Start the VM without debug");
            }

            return devices.Exists(TsmReports.Folder)
                ? new TdxTee(own, new DeviceEvidence(new TdxDevice(devices, own), gate))
                : throw TdxDevice.Advice(new DeviceException(TsmReports.Folder, Errno.NotFound));
        }
        catch (DeviceException e)
        {
            throw TdxDevice.Advice(e);
        }
    }

    public string CheckConfiguration(ReadOnlyMemory<byte> file) =>
        ConfigurationDigest.Check("MRCONFIGID", "SHA-384", _own.MrConfigId, SHA384.HashData(file.Span));

    private static byte[] Fresh()
    {
        byte[] reportData = new byte[TdReport.ReportDataSize];
        KernelRandom.Fill(reportData);
        return reportData;
    }
}
