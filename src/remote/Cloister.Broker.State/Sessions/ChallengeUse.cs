using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Sessions;

/// <summary>A challenge that is used up. secrets: session id and token; of the id only a digest is stored.</summary>
/// <param name="SessionId">The session of the challenge.</param>
/// <param name="ExpiresAt">Until when the challenge would hold; it is remembered at least until then.</param>
/// <param name="Log">What is logged.</param>
public sealed record ChallengeUse(string SessionId, DateTimeOffset ExpiresAt, params IReadOnlyList<AuditEvent> Log)
{
    /// <summary>The token that the session has from then on, and until when; null: none.</summary>
    public (string Text, DateTimeOffset ExpiresAt)? Token { get; init; }
}
