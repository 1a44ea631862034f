namespace Cloister.Enclave.Broker;

/// <summary>What a lease must say to be this enclave's. secrets: none.</summary>
/// <param name="Nonce">The challenge that was answered; null for a lease of a sealed copy, which was checked when it came.</param>
/// <param name="Instance">Thumbprint of the attested key; null as above.</param>
/// <param name="Cluster">Cluster of the configuration.</param>
/// <param name="Kek">KEK of the configuration.</param>
/// <param name="NotBefore">The last broker time that was believed, milliseconds since 1970.</param>
public sealed record LeaseExpectation(string? Nonce, string? Instance, string Cluster, string Kek, long NotBefore);
