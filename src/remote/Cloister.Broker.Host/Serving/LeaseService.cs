using Cloister.Release;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Metrics;
using Cloister.Broker.Host.Traces;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Rows;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Grants and renews leases (docs/broker-protocol.md, "Lease"): the challenge's seal, evidence, KEK and policy, appraisal,
/// revocations, in this order, by what is known of them; then the challenge is used up and the lease stored and logged, in one write that is made only when nothing of this has changed since, and only then answered. Thread-safe. secrets: KEKs and tokens, encrypted to the attested key.
/// </summary>
internal sealed class LeaseService(
    AdmissionControl admission, ChallengeService challenges, EvidenceService evidence, KekDirectory keks, LeasedKeys keys, RevocationList revocations,
    IBrokerState state, BrokerAuthority authority, TokenIssuer tokens, BrokerMetrics metrics, TimeProvider clock)
{
    private const int MostDecisions = 100;

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
        RowHead asOf = state.RowHead ?? await state.LookAsync(cancellation);
        bool isCounted = false;
        for (int decisions = 1; ; decisions++)
        {
            try
            {
                return await DecideAsync(caller, session, tee, attestation, have, verified, asOf, Count, cancellation);
            }
            catch (BrokerStateException e) when (e.Error == BrokerStateError.Changed && decisions < MostDecisions)
            {
                asOf = await state.LookAsync(cancellation);
            }
        }

        // However often it is decided.
        void Count(AttestedEnclave enclave)
        {
            if (!isCounted)
            {
                admission.Accept(enclave);
            }

            isCounted = true;
        }
    }

    // By what is known of policies, KEKs and revocations. Whether that is the newest is for the write to say, or asked before a refusal.
    private async Task<LeaseResponse> DecideAsync(
        Caller caller, string session, string tee, AttestRequest attestation, IReadOnlyList<string> have, VerifiedEvidence verified, RowHead asOf, Action<AttestedEnclave> count,
        CancellationToken cancellation)
    {
        EnclaveStatement statement = verified.Statement!;
        EvidenceService.Wanted wanted = await evidence.FindAsync(statement.Cluster, statement.Kek, cancellation, asOf);
        EvidenceVerdict verdict = evidence.Appraise(verified, attestation.InitData, wanted.Policy);
        if (!verdict.IsAccepted)
        {
            await RequireNewestAsync(asOf, cancellation);
            throw await evidence.IsOursAsync(verified, attestation.InitData, cancellation) && wanted.Absence is not null ? wanted.Absence : await evidence.RefusedAsync(caller, tee, attestation, wanted.Policy?.Policy.Name ?? "", verdict.Failures[0], cancellation);
        }

        AttestedEnclave enclave = verdict.Enclave;
        if (wanted is not { Kek: { } found, Policy: { } policy, Absence: null })
        {
            await RequireNewestAsync(asOf, cancellation);
            throw wanted.Absence!;
        }

        await CheckRevocationsAsync(enclave, found.Record.Name, asOf, cancellation);
        count(enclave);
        Kek kek = await keks.RaiseAsync(found, cancellation);
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
        bool release = kek.Record.Release && keks.StoreOf(kek).CanRelease;
        (FlattenedJwe? released, string digest) = release ? await keys.EncryptAsync(kek, [.. have], enclave.Key, cancellation) : (null, "");

        LeaseGrant Grant(string id) => NewGrant(id, tee, attestation, enclave, kek, policy, now, released is not null) with { Challenge = challenges.Use(session, tee), AsOf = asOf };
        LeaseRecord lease;
        try
        {
            lease = await StoreAsync(statement.Lease, Grant, cancellation);
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.Used)
        {
            throw ChallengeService.NotOurs();
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.Refused)
        {
            throw await evidence.RefusedAsync(caller, tee, attestation, policy.Policy.Name, new StepFailure("lease", "not_yours", "the lease to renew is not this enclave's: ask without one"), cancellation);
        }

        evidence.Count(tee, [policy]);
        metrics.Leased(lease.Renewals > 0);
        TokenLease subject = new(lease.Id, lease.Instance, lease.Cluster, lease.Provider, lease.Kek, statement.Gateway);
        string token = tokens.Issue(verdict, attestation.RuntimeData, policy.Policy.ConfigDigests is not null, subject, lease.ExpiresAt, [policy.Id]);

        // Signed last: it says how far the log is with this lease in it.
        string terms = _signer.Sign(Terms(lease, attestation, kek, policy.Policy, release, digest, now));

        // Whoever brought the evidence here: the token is of use to the attested key alone, like the KEKs.
        return new LeaseResponse(KeyRelease.Encrypt(Encoding.ASCII.GetBytes(token), enclave.Key), terms, released);
    }

    private async Task CheckRevocationsAsync(AttestedEnclave enclave, string kek, RowHead asOf, CancellationToken cancellation)
    {
        try
        {
            (await revocations.CurrentAsync(cancellation, asOf)).Check(enclave.Instance, enclave.Measurement, enclave.Platforms, kek);
        }
        catch (ProtocolException)
        {
            await RequireNewestAsync(asOf, cancellation);
            throw;
        }
    }

    private async Task RequireNewestAsync(RowHead asOf, CancellationToken cancellation)
    {
        if (!ReferenceEquals(asOf, await state.LookAsync(cancellation)))
        {
            throw new BrokerStateException(BrokerStateError.Changed, "policies, KEKs or revocations change faster than they can be looked at");
        }
    }

    private async Task<LeaseRecord> StoreAsync(string renewed, Func<string, LeaseGrant> grant, CancellationToken cancellation)
    {
        using Activity? span = BrokerTraces.Part("store the lease");
        try
        {
            if (renewed.Length > 0)
            {
                return await state.GrantLeaseAsync(grant(renewed) with { Renews = true }, cancellation);
            }
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.NotFound)
        {
            // It was forgotten meanwhile: it begins anew, under a new name.
        }

        return await state.GrantLeaseAsync(grant(RandomNumberGenerator.GetHexString(32, lowercase: true)), cancellation);
    }

    private static LeaseGrant NewGrant(
        string id, string tee, AttestRequest attestation, AttestedEnclave enclave, Kek kek, PolicyInForce policy, DateTimeOffset now, bool released)
    {
        EnclaveStatement statement = enclave.Statement!;
        LeaseAllowance allowance = policy.Policy.Lease;
        LeaseRecord lease = new(
            id, enclave.Instance, statement.Cluster, statement.Provider, kek.Record.Name, tee, enclave.Measurement, enclave.Platform, statement.Config, policy.Policy.Name,
            now, now, now + allowance.Duration, 0, 0, 0)
        {
            WrapsAllowed = allowance.Wraps, UnwrapsAllowed = allowance.Unwraps, OtherRoots = string.Join(' ', enclave.OtherRoots),
        };
        AuditEvent Granted(LeaseRecord stored) => new(stored.Renewals > 0 ? "lease.renewed" : "lease.granted", new JsonObject
        {
            ["lease"] = id, ["instance"] = lease.Instance, ["cluster"] = lease.Cluster, ["kek"] = lease.Kek, ["policy"] = policy.Id,
            ["expires"] = lease.ExpiresAt.ToUnixTimeMilliseconds(), ["released"] = released, ["wraps"] = statement.Wraps, ["unwraps"] = statement.Unwraps,
        });
        return new LeaseGrant(lease)
        {
            Uses = kek.Record.Release ? (statement.Wraps, statement.Unwraps) : default, // what a broker wraps itself is counted where it does
            Evidence = EvidenceService.Kept(tee, attestation, lease),
            Log = stored => [EvidenceService.Accepted(tee, enclave, [policy.Id]), Granted(stored)],
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
}
