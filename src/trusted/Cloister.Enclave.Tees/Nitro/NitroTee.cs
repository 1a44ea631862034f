using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Nitro;

/// <summary>An AWS Nitro enclave. It has no key of its own to seal with, and no disk. secrets: none.</summary>
internal sealed class NitroTee : ITee
{
    private NitroTee(IEvidenceSource evidence)
    {
        Evidence = evidence;
    }

    public string Name => "nitro";

    public bool IsSimulated => false;

    public ISealer? Sealer => null;

    public IEvidenceSource Evidence { get; }

    /// <summary>Looks at this enclave's measurement.</summary>
    /// <exception cref="TeeException">It protects nothing, or is none.</exception>
    internal static NitroTee Open(IDevices devices, DeviceGate gate)
    {
        NsmDevice device = new(devices);
        try
        {
            byte[] image = gate.Run(() => device.Pcr(0));
            return image.AsSpan().ContainsAnyExcept((byte)0)
                ? new NitroTee(new DeviceEvidence(device, gate))
                : throw new TeeException("this Nitro enclave runs in debug mode (PCR0 is zero): the parent instance sees its console. Start it without --debug-mode");
        }
        catch (DeviceException e)
        {
            throw NsmDevice.Advice(e);
        }
    }

    public string CheckConfiguration(ReadOnlyMemory<byte> file) =>
        "part of the image (PCR0, PCR2) if its file is in it; the broker sees its digest";
}
