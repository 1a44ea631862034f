using System.Text.Json;

namespace Cloister.Enclave.Broker;

/// <summary>Makes evidence of the TEE. secrets: none.</summary>
public interface IEvidenceSource
{
    /// <summary>Kind of evidence, as the protocol names it: <c>sgx</c>, <c>tdx</c>, <c>snp</c>, <c>nitro</c>, <c>sample</c>.</summary>
    string Tee { get; }

    /// <summary>Primary evidence in the form of docs/broker-protocol.md.</summary>
    /// <param name="reportData">64 bytes that it covers.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="BrokerException">The platform does not give it.</exception>
    ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation);

    /// <summary>The same, with what report data is the digest of, for evidence that has places for it.</summary>
    /// <param name="binding">What it covers.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="BrokerException">The platform does not give it.</exception>
    ValueTask<JsonElement> GetAsync(EvidenceBinding binding, CancellationToken cancellation) => GetAsync(binding.ReportData, cancellation);
}
