namespace Cloister.Enclave.Custody.Leases;

/// <summary>Uses of KEKs under a lease. secrets: none.</summary>
/// <param name="Wraps">Encryptions.</param>
/// <param name="Unwraps">Decryptions.</param>
internal readonly record struct LeaseUses(long Wraps, long Unwraps)
{
    /// <summary>As many as nothing has to be reserved for.</summary>
    internal static readonly LeaseUses Unlimited = new(long.MaxValue, long.MaxValue);

    public static LeaseUses operator -(LeaseUses all, LeaseUses some) => new(all.Wraps - some.Wraps, all.Unwraps - some.Unwraps);

    public static LeaseUses operator +(LeaseUses some, LeaseUses more) => new(some.Wraps + more.Wraps, some.Unwraps + more.Unwraps);
}
