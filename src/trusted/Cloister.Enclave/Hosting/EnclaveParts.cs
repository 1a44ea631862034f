using Cloister.Contracts.Envelope;
using Cloister.Enclave.Base;
using Cloister.Enclave.Configuration;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Hosting;

/// <summary>What a composition root decides: the trust statement of its program. secrets: see the parts.</summary>
public sealed record EnclaveParts
{
    /// <summary>Program name.</summary>
    public required string Program { get; init; }

    /// <summary>The TEE.</summary>
    public required ITee Tee { get; init; }

    /// <summary>Makes the remote KMS of custody remote and passthrough; null when this program has none.</summary>
    public Func<IRemoteKms>? RemoteKms { get; init; }

    /// <summary>Makes custody passthrough, the baseline of measurements in which the TEE protects nothing; null when this program has none.</summary>
    public Func<EnvelopeContext, IRemoteKms, RemoteOptions, EnclaveLog, ICustody>? Passthrough { get; init; }

    /// <summary>Reads sections of the configuration that only this program knows.</summary>
    public Action<ConfigurationMapping>? ReadMore { get; init; }

    /// <summary>Leaves the process readable by its own user, for demonstrations that scan its memory.</summary>
    public bool LeaveReadable { get; init; }

    /// <summary>Stops the enclave in order, besides SIGTERM and SIGINT.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Counters of the composition, by name.</summary>
    public IReadOnlyList<(string Name, Func<long> Value)> MoreCounters { get; init; } = [];
}
