using Cloister.Release;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Grants and renews leases (docs/broker-protocol.md, "Lease"): the challenge's seal, evidence, KEK and policy, appraisal,
/// revocations, the challenge's single use, in this order; then the lease is stored and logged, and only then answered. Thread-safe. secrets: KEKs and tokens, encrypted to the attested key.
/// </summary>
internal sealed class LeaseDesk(
    AdmissionControl admission, ChallengeDesk challenges, EvidenceDesk evidence, KekDirectory keks, LeasedKeys keys, RevocationList revocations,
    IBrokerState state, BrokerAuthority authority, TokenIssuer tokens, TimeProvider clock)
{
    private readonly LeaseSigner _signer = new(authority);

    /// <summary>Answers a request for a lease.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<LeaseResponse> GrantAsync(Caller caller, string? session, LeaseRequest request, CancellationToken cancellation)
    {
        AttestRequest attestation = request.Attestation;
        string tee = challenges.Open(session, attestation.RuntimeData.Nonce);
        try
        {
            return await GrantAsync(caller, session!, tee, attestation, request.Have, cancellation);
        }
        catch (ProtocolException e) when (e.Error is ProtocolError.KekNotFound or ProtocolError.LeaseRevoked)
        {
            await evidence.DeniedAsync(caller, tee, attestation, e, cancellation);
            throw;
        }
    }

    private async Task<LeaseResponse> GrantAsync(
        Caller caller, string session, string tee, AttestRequest attestation, IReadOnlyList<string> have, CancellationToken cancellation)
    {
        VerifiedEvidence verified = await evidence.VerifyAsync(caller, tee, attestation, StatementPurpose.Lease, cancellation);
        EnclaveStatement statement = verified.Statement!;
        EvidenceDesk.Wanted wanted = await evidence.FindAsync(statement.Cluster, statement.Kek, cancellation);
        EvidenceVerdict verdict = evidence.Appraise(verified, attestation.InitData, wanted.Policy);
        if (!verdict.IsAccepted)
        {
            throw await evidence.IsOursAsync(verified, attestation.InitData, cancellation) && wanted.Absence is not null ? wanted.Absence : await evidence.RefusedAsync(caller, tee, attestation, wanted.Policy?.Policy.Name ?? "", verdict.Failures[0], cancellation);
        }

        AttestedEnclave enclave = verdict.Enclave;
        if (wanted is not { Kek: { } found, Policy: { } policy, Absence: null })
        {
            throw wanted.Absence!;
        }

        (await revocations.CurrentAsync(cancellation)).Check(enclave.Instance, enclave.Measurement, enclave.Platforms, found.Record.Name);
        admission.Accept(enclave);
        await challenges.UseAsync(session, tee, cancellation);
        Kek kek = await keks.RaiseAsync(found, cancellation);
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
        LeaseRecord lease = await LeaseAsync(tee, enclave, statement, kek, policy, now, cancellation);
        bool release = kek.Record.Release && keks.StoreOf(kek).CanRelease;
        (FlattenedJwe? released, string digest) = release ? await keys.EncryptAsync(kek, [.. have], enclave.Key, cancellation) : (null, "");
        TokenLease subject = new(lease.Id, lease.Instance, lease.Cluster, lease.Provider, lease.Kek, statement.Gateway);
        string token = tokens.Issue(verdict, attestation.RuntimeData, policy.Policy.ConfigDigests is not null, subject, lease.ExpiresAt, [policy.Id]);
        await RecordAsync(caller, tee, attestation, enclave, policy, lease, kek.Record.Release, statement, released is not null, cancellation);

        // Signed last: it says how far the log is with this lease in it.
        string terms = _signer.Sign(Terms(lease, attestation, kek, policy.Policy, release, digest, now));

        // Whoever brought the evidence here: the token is of use to the attested key alone, like the KEKs.
        return new LeaseResponse(KeyRelease.Encrypt(Encoding.ASCII.GetBytes(token), enclave.Key), terms, released);
    }

    private async Task<LeaseRecord> LeaseAsync(
        string tee, AttestedEnclave enclave, EnclaveStatement statement, Kek kek, PolicyInForce policy, DateTimeOffset now, CancellationToken cancellation)
    {
        // One that was forgotten meanwhile begins anew, under a new name.
        bool renews = statement.Lease.Length > 0 && await state.FindLeaseAsync(statement.Lease, cancellation) is not null;
        return new LeaseRecord(
            renews ? statement.Lease : RandomNumberGenerator.GetHexString(32, lowercase: true), enclave.Instance, statement.Cluster, statement.Provider, kek.Record.Name, tee,
            enclave.Measurement, enclave.Platform, statement.Config, policy.Policy.Name, now, now, now + policy.Policy.Lease.Duration, 0, 0, 0)
        {
            WrapsAllowed = policy.Policy.Lease.Wraps, UnwrapsAllowed = policy.Policy.Lease.Unwraps, OtherRoots = string.Join(' ', enclave.OtherRoots),
        };
    }

    private LeaseTerms Terms(LeaseRecord lease, AttestRequest attestation, Kek kek, ReleasePolicy policy, bool release, string digest, DateTimeOffset now) => new()
    {
        Version = 1,
        Authority = authority.Id,
        Lease = lease.Id,
        Instance = lease.Instance,
        Nonce = attestation.RuntimeData.Nonce,
        Cluster = lease.Cluster,
        Kek = lease.Kek,
        Policy = policy.Name,
        Time = now.ToUnixTimeMilliseconds(),
        Expires = lease.ExpiresAt.ToUnixTimeMilliseconds(),
        RenewAfter = (now + (policy.Lease.Duration / 2)).ToUnixTimeMilliseconds(),
        GraceSeconds = (long)policy.Lease.Grace.TotalSeconds,
        Wraps = policy.Lease.Wraps,
        Unwraps = policy.Lease.Unwraps,
        Release = release,
        Etag = kek.Etag,
        Versions = keys.Versions(kek, now),
        KeysDigest = digest,
        Gateway = policy.GatewayTrust,
        Audit = state.Head is { } head ? new LogHead(head.Size, head.Root) : null,
    };

    private async Task RecordAsync(
        Caller caller, string tee, AttestRequest attestation, AttestedEnclave enclave, PolicyInForce policy, LeaseRecord lease, bool kekIsReleased, EnclaveStatement statement, bool released,
        CancellationToken cancellation)
    {
        AuditEvent Granted(LeaseRecord stored) => new(stored.Renewals > 0 ? "lease.renewed" : "lease.granted", new JsonObject
        {
            ["lease"] = lease.Id, ["instance"] = lease.Instance, ["cluster"] = lease.Cluster, ["kek"] = lease.Kek, ["policy"] = policy.Id,
            ["expires"] = lease.ExpiresAt.ToUnixTimeMilliseconds(), ["released"] = released, ["wraps"] = statement.Wraps, ["unwraps"] = statement.Unwraps,
        });

        LeaseGrant grant = new(lease)
        {
            Uses = kekIsReleased ? (statement.Wraps, statement.Unwraps) : default, // what a broker wraps itself is counted where it does
            Evidence = EvidenceDesk.Kept(tee, attestation, lease),
            Log = stored => [EvidenceDesk.Accepted(tee, enclave, [policy.Id]), Granted(stored)],
        };
        try
        {
            await state.GrantLeaseAsync(grant, cancellation);
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.Refused)
        {
            throw await evidence.RefusedAsync(caller, tee, attestation, policy.Policy.Name, new StepFailure("lease", "not_yours", "the lease to renew is not this enclave's: ask without one"), cancellation);
        }
    }
}
