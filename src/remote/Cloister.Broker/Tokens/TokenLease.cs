namespace Cloister.Broker.Tokens;

/// <summary>The claim <c>cloister</c> of a token that belongs to a lease.</summary>
/// <param name="Lease">The lease, 32 hex.</param>
/// <param name="Instance">Thumbprint of the attested key.</param>
/// <param name="Cluster">The cluster.</param>
/// <param name="Provider">The provider.</param>
/// <param name="Kek">The KEK's name.</param>
/// <param name="Gateway">SHA-256 of the gateway's key that the evidence names, lower-case hex; empty: no certificate.</param>
public sealed record TokenLease(string Lease, string Instance, string Cluster, string Provider, string Kek, string Gateway);
