using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Admin;

/// <summary>What administration says about an enclave besides its keys. secrets: none.</summary>
/// <param name="Version">Of the program.</param>
/// <param name="Cluster">Cluster.</param>
/// <param name="Provider">Provider name.</param>
/// <param name="MemoryProtection">What memory protection came to at start.</param>
/// <param name="MoreCounters">Counters of the composition, by name.</param>
/// <param name="Durations">Histograms of the gateway, by name.</param>
public sealed record EnclaveDescription(
    string Version, string Cluster, string Provider, string MemoryProtection, IReadOnlyList<(string Name, Func<long> Value)> MoreCounters,
    IReadOnlyList<(string Name, DurationMeter Meter)> Durations);
