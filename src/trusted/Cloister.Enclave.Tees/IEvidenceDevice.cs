using System.Text.Json;
using Cloister.Enclave.Broker;

namespace Cloister.Enclave.Tees;

/// <summary>Makes evidence by calls that block, one at a time. secrets: none.</summary>
internal interface IEvidenceDevice
{
    /// <summary>Kind of evidence, as the protocol names it.</summary>
    string Tee { get; }

    /// <summary>Primary evidence, after it was checked that it is of this enclave and covers what was asked.</summary>
    /// <exception cref="TeeException">It is not, or the platform does not give it.</exception>
    /// <exception cref="Devices.DeviceException">The kernel refuses.</exception>
    JsonElement Collect(EvidenceBinding binding);

    /// <summary>What to do about a refusal of the kernel.</summary>
    TeeException Explain(Devices.DeviceException refusal);
}
