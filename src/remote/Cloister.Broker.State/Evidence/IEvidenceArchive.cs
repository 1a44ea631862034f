namespace Cloister.Broker.State.Evidence;

/// <summary>The last evidence of each lease, and what was refused, for people who ask why. Bounded. secrets: none.</summary>
public interface IEvidenceArchive
{
    /// <summary>Keeps evidence, in place of the lease's last if it was accepted, and forgets, now and then, what is beyond the limits.</summary>
    /// <exception cref="ArgumentException">Longer than 1 MiB, or accepted without a lease.</exception>
    Task KeepEvidenceAsync(EvidenceRecord evidence, EvidenceLimits limits, CancellationToken cancellation);

    /// <summary>What a lease was last given for, or null.</summary>
    Task<EvidenceRecord?> FindEvidenceAsync(string lease, CancellationToken cancellation);

    /// <summary>What was refused, the newest first.</summary>
    /// <param name="most">At most so many.</param>
    /// <param name="cancellation">Stops waiting.</param>
    Task<IReadOnlyList<EvidenceRecord>> ListRefusedEvidenceAsync(int most, CancellationToken cancellation);

    /// <summary>The newest that was refused of each instance, without what was presented.</summary>
    Task<IReadOnlyList<Refusal>> ListRefusalsAsync(CancellationToken cancellation);

    /// <summary>What was presented in a time, accepted and refused, in no order.</summary>
    /// <param name="from">From then on.</param>
    /// <param name="to">Before then.</param>
    /// <param name="cancellation">Stops reading.</param>
    IAsyncEnumerable<EvidenceRecord> ReadEvidenceAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation);
}

/// <summary>That evidence was refused.</summary>
/// <param name="Instance">Thumbprint of the key it was presented for.</param>
/// <param name="Reason">Why.</param>
/// <param name="At">When.</param>
public sealed record Refusal(string Instance, string Reason, DateTimeOffset At);
