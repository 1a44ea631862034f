using Cloister.Enclave.Hosting;

namespace Cloister.Enclave.Host;

/// <summary>
/// Finds the TEE that this process runs in, by the devices through which the TEE gives evidence. A host can fake devices, so this is not
/// what makes anyone trust an enclave: its evidence is. It keeps a deployment from running unprotected by mistake. secrets: none.
/// </summary>
internal static class TeeDetector
{
    private const string GramineAttestationType = "/dev/attestation/attestation_type";

    /// <summary>The TEE, or null and what to do.</summary>
    internal static ITee? Find(out string whatToDo)
    {
        whatToDo = "";
        if (File.Exists(GramineAttestationType))
        {
            string type = File.ReadAllText(GramineAttestationType).Trim();
            if (type == "dcap")
            {
                return new DetectedTee("sgx");
            }

            whatToDo = $"Gramine runs without DCAP attestation ({GramineAttestationType} says '{type}'): set sgx.remote_attestation = \"dcap\" in the manifest and run it with gramine-sgx";
            return null;
        }

        foreach ((string device, string name) in (ReadOnlySpan<(string, string)>)[("/dev/tdx_guest", "tdx"), ("/dev/sev-guest", "snp"), ("/dev/nsm", "nitro")])
        {
            if (File.Exists(device))
            {
                return new DetectedTee(name);
            }
        }

        whatToDo = "no TEE here: none of /dev/attestation (SGX under Gramine), /dev/tdx_guest, /dev/sev-guest and /dev/nsm exists. "
            + "Keys would not be protected, so this program does not start. For development use cloister-enclave-sim, or 'cloister dev'";
        return null;
    }
}
