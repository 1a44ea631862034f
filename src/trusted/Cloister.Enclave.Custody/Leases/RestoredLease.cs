using Cloister.Enclave.Keys;
using Cloister.Kbs;

namespace Cloister.Enclave.Custody.Leases;

/// <summary>A lease as a sealed copy has it. secrets: refers to KEKs.</summary>
/// <param name="Terms">What it says.</param>
/// <param name="Jws">As it came.</param>
/// <param name="Ring">Its KEKs, in the order of its enabled versions.</param>
/// <param name="Now">The broker's time as far as the host's clock can tell, never before the copy was made.</param>
/// <param name="Uses">Uses made or reserved.</param>
internal sealed record RestoredLease(LeaseTerms Terms, string Jws, KekRing Ring, long Now, LeaseUses Uses);
