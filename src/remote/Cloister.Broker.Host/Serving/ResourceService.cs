using System.Text.Json.Nodes;
using Cloister.Broker.Administration;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>Releases the active version of a KEK to the key of a token (docs/broker-protocol.md, "Resource"). Thread-safe. secrets: KEKs pass through.</summary>
internal sealed class ResourceService(PolicyCache policies, KekDirectory keks, LeasedKeys keys, RevocationList revocations, IAuditLog audit, TimeProvider clock)
{
    private const string KekType = "kek";

    /// <summary>The KEK, encrypted.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<FlattenedJwe> ReleaseAsync(VerifiedToken token, string repository, string type, string tag, CancellationToken cancellation)
    {
        if (type != KekType)
        {
            throw KekDirectory.Unknown();
        }

        Kek kek = await keks.FindAsync(repository, tag, cancellation);
        (await revocations.CurrentAsync(cancellation)).Check(token.Key.Thumbprint, token.Subject.Measurement, token.Subject.Platforms, kek.Record.Name);

        // The text of the policy, not its name alone: a policy that was tightened since asks for new evidence.
        PolicyInForce policy = await policies.FindAsync(kek.Record.Policy, cancellation);
        if (!token.Subject.Policies.Contains(policy.Id))
        {
            throw Denied("the policy of this KEK did not accept the evidence of the token, or was changed since: attest again");
        }

        // A policy may be that of several KEKs, evidence with a statement is for one.
        if (token.Subject.Kek.Length > 0 && (token.Subject.Kek != kek.Record.Name || token.Subject.Cluster != kek.Record.Cluster))
        {
            throw Denied("the evidence of the token names another KEK: attest for this one");
        }

        if (!kek.Record.Release || !keks.StoreOf(kek).CanRelease)
        {
            throw Denied("this KEK is not released: use custody remote");
        }

        KekVersion version = BrokerAdministration.ActiveAt(kek, clock.GetUtcNow()) ?? throw KekDirectory.Unknown();
        FlattenedJwe answer = await keys.EncryptAsync(kek, version, token.Key, cancellation);
        await audit.AppendAsync(new AuditEvent("kek.released", new JsonObject
        {
            ["instance"] = token.Key.Thumbprint, ["kek"] = kek.Record.Name, ["version"] = version.Version, ["policy"] = policy.Id,
        }), cancellation);
        return answer;
    }

    private static ProtocolException Denied(string detail) => new(ProtocolError.PolicyDeny, detail);
}
