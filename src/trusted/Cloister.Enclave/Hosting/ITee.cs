using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Hosting;

/// <summary>The TEE that this process runs in, as its composition root found it. secrets: its sealer gives the sealing key.</summary>
public interface ITee
{
    /// <summary>Short name: <c>sgx</c>, <c>tdx</c>, <c>snp</c>, <c>nitro</c> or <c>simulated</c>.</summary>
    string Name { get; }

    /// <summary>True when keys are not protected from the machine at all.</summary>
    bool IsSimulated { get; }

    /// <summary>True when the host sees ciphertext of this process's memory alone, whatever it swaps or dumps, and its locks and limits mean nothing.</summary>
    bool EncryptsMemory => false;

    /// <summary>Seals state to this enclave, or null when this TEE cannot.</summary>
    ISealer? Sealer { get; }

    /// <summary>Makes evidence for a broker, or null when this TEE cannot.</summary>
    IEvidenceSource? Evidence { get; }

    /// <summary>Holds the configuration against what the platform measured of it, where it measured something.</summary>
    /// <param name="file">The configuration file as it was read.</param>
    /// <returns>How the configuration is bound, in words, for the log; null when there is nothing to say.</returns>
    /// <exception cref="StartException">The platform was started for another configuration.</exception>
    string? CheckConfiguration(ReadOnlyMemory<byte> file) => null;
}
