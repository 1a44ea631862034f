using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Sessions;

/// <summary>
/// Challenges that were used, and the tokens got for them. Expired ones are purged. secrets: session ids and tokens pass; of the ids only
/// digests are stored.
/// </summary>
public interface ISessionRegistry
{
    /// <summary>Uses a challenge up, and logs it, in one write. Of all attempts on all brokers, one succeeds; the others are not logged.</summary>
    /// <param name="sessionId">The session of the challenge.</param>
    /// <param name="expiresAt">Until when the challenge would hold; it is remembered at least until then.</param>
    /// <param name="use">What is logged.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>False: it was used already.</returns>
    Task<bool> TryConsumeChallengeAsync(string sessionId, DateTimeOffset expiresAt, AuditEvent use, CancellationToken cancellation);

    /// <summary>Keeps the token of a session until it expires.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotFound"/>: its challenge was not used.</exception>
    Task SetSessionTokenAsync(string sessionId, string token, DateTimeOffset expiresAt, CancellationToken cancellation);

    /// <summary>The token of a session; null if there is none or it expired.</summary>
    Task<string?> FindSessionTokenAsync(string sessionId, CancellationToken cancellation);
}
