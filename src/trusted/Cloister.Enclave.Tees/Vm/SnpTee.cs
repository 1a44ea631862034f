using System.Security.Cryptography;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>A guest of AMD SEV-SNP. secrets: its sealer gives the sealing key.</summary>
internal sealed class SnpTee : ITee
{
    private readonly byte[] _hostData;

    private SnpTee(byte[] hostData, IEvidenceSource evidence, ISealer sealer)
    {
        _hostData = hostData;
        Evidence = evidence;
        Sealer = sealer;
    }

    public string Name => "snp";

    public bool IsSimulated => false;

    public ISealer Sealer { get; }

    public IEvidenceSource Evidence { get; }

    /// <summary>Asks the firmware for a report of this guest.</summary>
    /// <exception cref="TeeException">It protects nothing, or gives none.</exception>
    internal static SnpTee Open(IDevices devices, DeviceGate gate)
    {
        SnpDevice device = new(devices);
        try
        {
            byte[] hostData = gate.Run(() => HostData(device));
            return new SnpTee(hostData, new DeviceEvidence(device, gate), new SnpSealer(devices, device, gate));
        }
        catch (DeviceException e)
        {
            throw SnpDevice.Advice(e);
        }
    }

    public string CheckConfiguration(ReadOnlyMemory<byte> file) =>
        ConfigurationDigest.Check("HOST_DATA", "SHA-256", _hostData, SHA256.HashData(file.Span));

    private static byte[] HostData(SnpDevice device)
    {
        Span<byte> fresh = stackalloc byte[RuntimeBinding.ReportDataSize];
        KernelRandom.Fill(fresh);
        return SnpReportFields.TryRead(device.Get(fresh).Out, out SnpReportFields read)
            ? read.HostData.ToArray()
            : throw new TeeException("no SEV-SNP report");
    }
}
