namespace Cloister.Broker.State.Sessions;

/// <summary>
/// Challenges that were used, and the tokens got for them. Expired ones are purged. secrets: session ids and tokens pass; of the ids only
/// digests are stored.
/// </summary>
public interface ISessionRegistry
{
    /// <summary>Uses a challenge up, with its token and log, in one write. Of all attempts on all brokers, one succeeds; the others are not logged.</summary>
    /// <returns>False: it was used already.</returns>
    Task<bool> TryUseChallengeAsync(ChallengeUse use, CancellationToken cancellation);

    /// <summary>The token of a session; null if there is none or it expired.</summary>
    Task<string?> FindSessionTokenAsync(string sessionId, CancellationToken cancellation);
}
