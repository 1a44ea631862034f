using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A program of the host's own in the place of the enclave: it checks nothing and sends to brokers what it likes.</summary>
internal sealed class UncheckedTee(string tee, ISealer? sealer, Func<EvidenceBinding, JsonElement> evidence) : ITee, IEvidenceSource
{
    public string Name => tee;

    public string Tee => tee;

    public bool IsSimulated => false;

    public ISealer? Sealer => sealer;

    public IEvidenceSource Evidence => this;

    public ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation) =>
        GetAsync(new EvidenceBinding(reportData, default, default), cancellation);

    public ValueTask<JsonElement> GetAsync(EvidenceBinding binding, CancellationToken cancellation) => ValueTask.FromResult(evidence(binding));
}
