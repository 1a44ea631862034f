using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Challenges;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>Gives challenges out and takes them back, each once. Nothing is kept for one that never comes back. Thread-safe. secrets: session ids pass.</summary>
internal sealed class ChallengeDesk(ChallengeSealer sealer, IBrokerState state, TimeProvider clock)
{
    // A challenge may come from a broker whose clock is a little ahead.
    private static readonly TimeSpan Remembered = ChallengeSealer.Lifetime + TimeSpan.FromMinutes(1);
    private static readonly string[] Tees = [.. Enum.GetValues<Tee>().Select(TeeNames.NameOf)];

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

    /// <summary>Uses a challenge up.</summary>
    /// <returns>The TEE that it was made for.</returns>
    /// <exception cref="ProtocolException">Not ours, over, or used before: all look alike.</exception>
    public async Task<string> UseAsync(string? session, string nonce, CancellationToken cancellation)
    {
        string? tee = session is null ? null : Tees.FirstOrDefault(one => sealer.Opens(session, one, nonce));
        if (tee is null || !await state.TryConsumeChallengeAsync(session!, clock.GetUtcNow() + Remembered, new AuditEvent("challenge.used", new JsonObject { ["tee"] = tee }), cancellation))
        {
            throw new ProtocolException(ProtocolError.AttestationError, "challenge: not made here for this session, over or used before: ask for a new one");
        }

        return tee;
    }
}
