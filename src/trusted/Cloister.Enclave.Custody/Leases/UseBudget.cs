namespace Cloister.Enclave.Custody.Leases;

/// <summary>What came of asking for a use.</summary>
internal enum UseOutcome
{
    /// <summary>It is counted and may be made.</summary>
    Counted,

    /// <summary>It may be made once the sealed copy says that it was.</summary>
    NotReserved,

    /// <summary>Not as many are left.</summary>
    Exhausted,
}

/// <summary>
/// Uses of one kind, wraps or unwraps, that a lease allows: counted before they are made, and, when there is a sealed copy, not before the copy counts
/// them as made. Invariant: used is at most allowed, and never grows past reserved. Thread-safe. secrets: none.
/// </summary>
/// <param name="allowed">What the lease allows.</param>
/// <param name="used">What was used of it.</param>
internal sealed class UseBudget(long allowed, long used)
{
    // A start from a sealed copy loses at most one part.
    private const int Parts = 16;

    private readonly Lock _lock = new();
    private long _used = used;
    private long _reserved = long.MaxValue;

    internal long Allowed { get; } = allowed;

    internal long Used => Volatile.Read(ref _used);

    /// <summary>Up to where uses may be made; <see cref="long.MaxValue"/> when nothing has to be reserved.</summary>
    internal long Reserved => Volatile.Read(ref _reserved);

    internal long Left => Math.Max(0, Allowed - Used);

    /// <summary>True when four fifths are used, and so a renewal would give more.</summary>
    internal bool IsNearlyUsed => Used > 0 && Used >= Allowed - (Allowed / 5);

    /// <summary>True when half of a part or less is reserved and more is allowed.</summary>
    internal bool NeedsReservation => Reserved < Allowed && Reserved - Used <= Part / 2;

    private long Part => Math.Max(1, Allowed / Parts);

    /// <summary>Counts uses, all or none.</summary>
    internal UseOutcome TryUse(int count = 1)
    {
        lock (_lock)
        {
            if (count > Allowed - _used)
            {
                return UseOutcome.Exhausted;
            }

            if (count > _reserved - _used)
            {
                return UseOutcome.NotReserved;
            }

            Volatile.Write(ref _used, _used + count);
            return UseOutcome.Counted;
        }
    }

    /// <summary>Begins to reserve a part more than is used. Until <see cref="ReserveUpTo"/>, uses go no further than that, nor than before.</summary>
    /// <returns>What the sealed copy has to count.</returns>
    internal long BeginReservation()
    {
        lock (_lock)
        {
            long next = Math.Min(Allowed, _used + Part);
            Volatile.Write(ref _reserved, Math.Min(_reserved, next));
            return next;
        }
    }

    /// <summary>Lets uses be made up to there.</summary>
    internal void ReserveUpTo(long uses)
    {
        lock (_lock)
        {
            Volatile.Write(ref _reserved, uses);
        }
    }
}
