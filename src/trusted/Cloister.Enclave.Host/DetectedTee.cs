using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;

namespace Cloister.Enclave.Host;

/// <summary>A TEE whose device is there. It seals nothing yet: KEKs are provisioned after every start. secrets: none.</summary>
/// <param name="Name">Short name.</param>
internal sealed record DetectedTee(string Name) : ITee
{
    public bool IsSimulated => false;

    public ISealer? Sealer => null;

    public IEvidenceSource? Evidence => null;
}
