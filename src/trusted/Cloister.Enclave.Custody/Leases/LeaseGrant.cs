using Cloister.Kbs;

namespace Cloister.Enclave.Custody.Leases;

/// <summary>A lease that was verified. secrets: the token.</summary>
/// <param name="Terms">What it says.</param>
/// <param name="Jws">As it came.</param>
/// <param name="Token">For watch, wrap and unwrap.</param>
/// <param name="Keys">KEKs, encrypted to the attested key, or null.</param>
/// <param name="AskedAt">Timestamp of the clock when it was asked for.</param>
internal sealed record LeaseGrant(LeaseTerms Terms, string Jws, string Token, FlattenedJwe? Keys, long AskedAt)
{
    /// <summary>No token in it.</summary>
    public override string ToString() => $"lease {Terms.Lease}";
}
