using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>An SGX enclave under Gramine. secrets: its sealer gives the sealing key.</summary>
internal sealed class SgxTee : ITee
{
    private readonly IDevices _devices;
    private readonly DeviceGate _gate;
    private readonly TeeOptions _options;

    private SgxTee(IDevices devices, DeviceGate gate, TeeOptions options, IEvidenceSource evidence)
    {
        _devices = devices;
        _gate = gate;
        _options = options;
        Evidence = evidence;
    }

    public string Name => "sgx";

    public bool IsSimulated => false;

    public bool EncryptsMemory => true;

    public ISealer Sealer => new SgxSealer(_devices, _gate, _options.SealTo);

    public IEvidenceSource Evidence { get; }

    /// <summary>Looks at this enclave. Asks the host for nothing: AESM was asked by gramine-sgx before.</summary>
    /// <exception cref="TeeException">It protects nothing, or is none.</exception>
    internal static SgxTee Open(IDevices devices, DeviceGate gate, IPageProtection protection, TeeOptions options)
    {
        try
        {
            return gate.Run(() => Look(devices, gate, protection, options));
        }
        catch (DeviceException e)
        {
            throw SgxDevice.Advice(e);
        }
    }

    public string CheckConfiguration(ReadOnlyMemory<byte> file) =>
        "part of MRENCLAVE if the manifest names its file in sgx.trusted_files, and the host's to change if it does not; the broker sees its digest";

    private static SgxTee Look(IDevices devices, DeviceGate gate, IPageProtection protection, TeeOptions options)
    {
        string type = devices.ReadText(GramineFiles.AttestationType);
        if (type != "dcap")
        {
            throw new TeeException(
                $"Gramine runs without DCAP attestation ({GramineFiles.AttestationType} says '{type}'): set sgx.remote_attestation = \"dcap\" in the manifest and run it with gramine-sgx");
        }

        TargetInfo own = TargetInfo.Read(devices.ReadAll(GramineFiles.MyTargetInfo, TargetInfo.Size))
            ?? throw new TeeException($"{GramineFiles.MyTargetInfo} is not what an SGX enclave has: run the enclave with gramine-sgx");
        if (own.IsDebug)
        {
            throw new TeeException("this SGX enclave runs with debug on: the host can read its memory. Set sgx.debug = false in the manifest and sign it again");
        }

        return ProtectionProbe.Holds(protection)
            ? new SgxTee(devices, gate, options, new DeviceEvidence(new SgxDevice(devices, own), gate))
            : throw new TeeException(
                "page protection has no effect here, and the garbage collector depends on it: set sgx.edmm_enable = true and sgx.use_exinfo = true in the manifest; "
                + "the host needs Linux 6.0 or later and a processor with EDMM (Ice Lake-SP or later)");
    }
}
