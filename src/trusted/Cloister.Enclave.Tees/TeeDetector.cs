using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Nitro;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Enclave.Tees.Vm;
using Cloister.Enclave.Tees.Vtpm;

namespace Cloister.Enclave.Tees;

/// <summary>
/// Finds the TEE that this process runs in, by the devices through which the TEE gives evidence, and looks whether it protects anything. A host
/// can fake devices, so this is not what makes anyone trust an enclave: its evidence is. It keeps a deployment from running unprotected by
/// mistake. secrets: none.
/// </summary>
public static class TeeDetector
{
    /// <summary>The TEE, or null and what to do.</summary>
    /// <param name="options">Settings that belong to it, to be read from the configuration.</param>
    /// <param name="whatToDo">Why there is none, when there is none.</param>
    public static ITee? Find(out TeeOptions options, out string whatToDo) =>
        Find(DeviceTree.Machine, PageProtection.Real, name => new DeviceGate(name), out options, out whatToDo);

    internal static ITee? Find(IDevices devices, IPageProtection protection, Func<string, DeviceGate> gate, out TeeOptions options, out string whatToDo)
    {
        whatToDo = "";
        TeeOptions chosen = options = new TeeOptions(devices.Exists(GramineFiles.AttestationType));
        (string Device, Func<DeviceGate, ITee> Open)[] known =
        [
            (GramineFiles.AttestationType, it => SgxTee.Open(devices, it, protection, chosen)),
            (TdReport.Device, it => TdxTee.Open(devices, it)),
            (SnpDerivedKey.Device, it => SnpTee.Open(devices, it)),
            (NsmDevice.Path, it => NitroTee.Open(devices, it)),
            (TpmChannel.Device, it => AzureTee.Open(devices, it)),
        ];
        foreach ((string device, Func<DeviceGate, ITee> open) in known.Where(it => devices.Exists(it.Device)))
        {
            try
            {
                return open(gate(device));
            }
            catch (TeeException e)
            {
                whatToDo = e.Message;
                return null;
            }
        }

        whatToDo = "no TEE here: none of /dev/attestation (SGX under Gramine), /dev/tdx_guest, /dev/sev-guest, /dev/nsm and /dev/tpmrm0 (Azure confidential VM) exists. "
            + "Keys would not be protected, so this program does not start. For development use cloister-enclave-sim, or 'cloister dev'";
        return null;
    }
}
