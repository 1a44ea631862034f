using System.Security.Cryptography;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// A confidential VM of Azure, on SEV-SNP or TDX, behind a paravisor that is measured by the hardware and measures the guest. secrets: its sealer gives the sealing key.
/// </summary>
internal sealed class AzureTee : ITee
{
    private readonly AzureSealer _sealer;

    private AzureTee(AzureDevice device, DeviceGate gate, AzureSealer sealer)
    {
        Name = device.Tee;
        Evidence = new DeviceEvidence(device, gate);
        _sealer = sealer;
    }

    public string Name { get; }

    public bool IsSimulated => false;

    public ISealer Sealer => _sealer;

    public IEvidenceSource Evidence { get; }

    /// <summary>Reads what the paravisor says of this VM.</summary>
    /// <exception cref="TeeException">It protects nothing, or is none.</exception>
    internal static AzureTee Open(IDevices devices, DeviceGate gate)
    {
        try
        {
            bool isTdx = gate.Run(() => Look(devices));
            return new AzureTee(new AzureDevice(devices, isTdx), gate, new AzureSealer(devices, gate));
        }
        catch (DeviceException e)
        {
            throw AzureDevice.Advice(e);
        }
    }

    public string CheckConfiguration(ReadOnlyMemory<byte> file)
    {
        _sealer.BindTo(SHA256.HashData(file.Span));
        return "NOT BOUND to the platform's measurement, unless the image that PCR 4, 9 or 11 measure contains the file; the broker sees its digest";
    }

    private static bool Look(IDevices devices)
    {
        using TpmChannel tpm = new(devices);
        byte[] report;
        try
        {
            report = AzureDevice.ReadReport(tpm);
        }
        catch (TeeException e) when (!e.IsPassing)
        {
            throw new TeeException($"no TEE here: there is a TPM, and no report of Azure's paravisor in it ({e.Message}). Keys would not be protected, so this program does not start");
        }

        return !HclFields.TryRead(report, out HclFields read) ? throw AzureDevice.NoReport(report.Length)
            : read.IsDebug ? throw new TeeException("this VM can be debugged by its host: start it without debug")
            : read.IsTdx;
    }
}
