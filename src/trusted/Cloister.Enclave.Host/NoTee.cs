using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;

namespace Cloister.Enclave.Host;

/// <summary>Stands in where no TEE is needed: to print the version, or what a configuration needs. secrets: none.</summary>
internal sealed class NoTee : ITee
{
    internal static readonly NoTee Instance = new();

    public string Name => "none";

    public bool IsSimulated => false;

    public ISealer? Sealer => null;

    public IEvidenceSource? Evidence => null;
}
