namespace Cloister.Enclave.Custody.Leases;

/// <summary>A lease as administration shows it; times are the broker's, milliseconds since 1970. secrets: none.</summary>
public sealed record LeaseReport
{
    /// <summary>The broker that answered last.</summary>
    public required Uri Broker { get; init; }

    /// <summary>Name of the KEK.</summary>
    public required string Kek { get; init; }

    /// <summary>Name of the lease; empty when there is none.</summary>
    public string Lease { get; init; } = "";

    /// <summary>The time by which it ends.</summary>
    public long Now { get; init; }

    /// <summary>When writes stop, unless wraps are used up before.</summary>
    public long Expires { get; init; }

    /// <summary>When reads stop, unless unwraps are used up before, and KEKs are wiped.</summary>
    public long GraceEnd { get; init; }

    /// <summary>When it is renewed.</summary>
    public long RenewAfter { get; init; }

    /// <summary>Encryptions that are left.</summary>
    public long WrapsLeft { get; init; }

    /// <summary>Decryptions that are left.</summary>
    public long UnwrapsLeft { get; init; }

    /// <summary>True when it came from the sealed copy.</summary>
    public bool Restored { get; init; }

    /// <summary>The step at which the last attempt to get or renew it failed; empty when it did not.</summary>
    public string FailedStep { get; init; } = "";

    /// <summary>What was wrong then.</summary>
    public string Failure { get; init; } = "";

    /// <summary>True when the configuration keeps a sealed copy, which a host can use after a revocation.</summary>
    public bool KeepsSealedCopy { get; init; }

    /// <summary>Entries of the broker's audit log, as the last lease says.</summary>
    public long AuditSize { get; init; }

    /// <summary>How often it went back or was another.</summary>
    public long AuditWentBack { get; init; }

    /// <summary>Leases that were granted or renewed in this life.</summary>
    public long Renewals { get; init; }

    /// <summary>Attempts that failed in this life, by step.</summary>
    public IReadOnlyList<(string Step, long Count)> Failures { get; init; } = [];

    /// <summary>Whether each broker answers.</summary>
    public IReadOnlyList<BrokerReach> Brokers { get; init; } = [];

    /// <summary>The same with a lease that is held.</summary>
    internal LeaseReport With(HeldLease held) => this with
    {
        Lease = held.Terms.Lease,
        Now = held.Now,
        Expires = held.Terms.Expires,
        GraceEnd = held.GraceEnd,
        RenewAfter = held.Terms.RenewAfter,
        WrapsLeft = held.Wraps.Left,
        UnwrapsLeft = held.Unwraps.Left,
        Restored = held.IsRestored,
    };
}

/// <summary>Whether a broker answers, whatever it answers. secrets: none.</summary>
/// <param name="Broker">Its URL.</param>
/// <param name="Since">Since its last answer; null: none in this life.</param>
/// <param name="Failure">Why the last attempt failed; empty: it did not; null: none was made.</param>
public sealed record BrokerReach(Uri Broker, TimeSpan? Since, string? Failure);
