using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Challenges;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sessions;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Gives challenges out and takes them back, each once. Nothing is kept for one that never comes back, and nothing is stored for one whose evidence is
/// refused: that it was tried stays in this process's memory. Thread-safe. secrets: session ids pass.
/// </summary>
internal sealed class ChallengeService(ChallengeSealer sealer, TimeProvider clock)
{
    private const int MostTried = 32_768;

    // A challenge may come from a broker whose clock is a little ahead.
    private static readonly TimeSpan Remembered = ChallengeSealer.Lifetime + TimeSpan.FromMinutes(1);
    private static readonly string[] Tees = [.. Enum.GetValues<Tee>().Select(TeeNames.NameOf)];

    // Two generations: what was tried within a lifetime is in one of them.
    private readonly Lock _lock = new();
    private HashSet<string> _tried = new(StringComparer.Ordinal);
    private HashSet<string> _triedBefore = new(StringComparer.Ordinal);
    private DateTimeOffset _turned = clock.GetUtcNow();

    /// <summary>A challenge.</summary>
    /// <exception cref="ProtocolException">Another version, or a TEE that is not verified here.</exception>
    public (string Session, Challenge Challenge) Give(AuthRequest request)
    {
        if (request.Version != KbsPaths.ProtocolVersion)
        {
            throw new ProtocolException(ProtocolError.BadRequest, $"version: this broker speaks {KbsPaths.ProtocolVersion}");
        }

        if (!TeeNames.TryParse(request.Tee, out _))
        {
            throw new ProtocolException(ProtocolError.BadRequest, $"tee: evidence of this kind is not verified here; {string.Join(", ", Tees)} are");
        }

        string session = ChallengeSealer.NewSession();
        return (session, new Challenge(sealer.Seal(session, request.Tee), ""));
    }

    /// <summary>Takes a challenge back, before its evidence is looked at: asks no database. Tried once at this broker, whatever comes of it.</summary>
    /// <returns>The TEE that it was made for.</returns>
    /// <exception cref="ProtocolException">Not ours, over, or tried before: all look alike.</exception>
    public string Open(string? session, string nonce)
    {
        string? tee = session is null ? null : Tees.FirstOrDefault(one => sealer.Opens(session, one, nonce));
        return tee is not null && TryFirst(session!) ? tee : throw NotOurs();
    }

    /// <summary>What uses a challenge up at all brokers: written with what its evidence was accepted for, before that is answered.</summary>
    public ChallengeUse Use(string session, string tee, params IReadOnlyList<AuditEvent> log) =>
        new(session, clock.GetUtcNow() + Remembered, [new AuditEvent("challenge.used", new JsonObject { ["tee"] = tee }), .. log]);

    /// <summary>What the client of a challenge is told that is not ours, over, or was used before, at this broker or another.</summary>
    public static ProtocolException NotOurs() =>
        new(ProtocolError.AttestationError, "challenge: not made here for this session, over or used before: ask for a new one");

    private bool TryFirst(string session)
    {
        lock (_lock)
        {
            DateTimeOffset now = clock.GetUtcNow();
            if (now - _turned >= Remembered || _tried.Count >= MostTried)
            {
                (_tried, _triedBefore) = (_triedBefore, _tried);
                _tried.Clear();
                _turned = now;
            }

            return !_triedBefore.Contains(session) && _tried.Add(session);
        }
    }
}
