namespace Cloister.Enclave.Broker;

/// <summary>Uses of KEKs under a lease. secrets: none.</summary>
/// <param name="Wraps">Encryptions.</param>
/// <param name="Unwraps">Decryptions.</param>
internal readonly record struct LeaseUses(long Wraps, long Unwraps)
{
    public static LeaseUses operator -(LeaseUses all, LeaseUses some) => new(all.Wraps - some.Wraps, all.Unwraps - some.Unwraps);
}
