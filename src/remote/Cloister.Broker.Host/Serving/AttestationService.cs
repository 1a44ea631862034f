using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.State.Sessions;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Attestation without a lease, as KBS clients do it: a token that says which policies accept the evidence. With a statement, the policy of the KEK that
/// it names is asked; without, every policy in force. Thread-safe. secrets: tokens pass.
/// </summary>
internal sealed class AttestationService(
    AdmissionControl admission, ChallengeService challenges, EvidenceService evidence, PolicyCache policies, RevocationList revocations, ISessionRegistry sessions, TokenIssuer tokens,
    TimeProvider clock)
{
    /// <summary>Answers evidence with a token, which the session has from then on too.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<TokenResponse> AttestAsync(Caller caller, string? session, AttestRequest request, CancellationToken cancellation)
    {
        string tee = challenges.Open(session, request.RuntimeData.Nonce);
        try
        {
            return await AttestAsync(caller, tee, session!, request, cancellation);
        }
        catch (ProtocolException e) when (e.Error is ProtocolError.KekNotFound or ProtocolError.LeaseRevoked)
        {
            await evidence.DeniedAsync(caller, tee, request, e, cancellation);
            throw;
        }
    }

    private async Task<TokenResponse> AttestAsync(Caller caller, string tee, string session, AttestRequest request, CancellationToken cancellation)
    {
        VerifiedEvidence verified = await evidence.VerifyAsync(caller, tee, request, StatementPurpose.Resource, cancellation);
        (IReadOnlyList<PolicyInForce?> asked, ProtocolException? absence) = await AskedAsync(verified.Statement, cancellation);
        EvidenceVerdict[] verdicts = [.. asked.Select(policy => evidence.Appraise(verified, request.InitData, policy))];
        PolicyInForce[] accepting = [.. asked.Where((_, i) => verdicts[i].IsAccepted).Select(policy => policy!)];
        if (accepting.Length == 0)
        {
            throw verified.Statement is not null && await evidence.IsOursAsync(verified, request.InitData, cancellation) && absence is not null ? absence : await evidence.RefusedAsync(caller, tee, request, asked[0]?.Policy.Name ?? "", verdicts[0].Failures[0], cancellation);
        }

        EvidenceVerdict verdict = verdicts.First(one => one.IsAccepted);
        AttestedEnclave enclave = verdict.Enclave!;
        if (absence is not null)
        {
            throw absence;
        }

        (await revocations.CurrentAsync(cancellation)).Check(enclave.Instance, enclave.Measurement, enclave.Platforms, "");
        admission.Accept(enclave);
        string[] accepted = [.. accepting.Select(policy => policy.Id)];
        DateTimeOffset expires = clock.GetUtcNow() + TokenIssuer.Lifetime;
        string token = tokens.Issue(verdict, request.RuntimeData, accepting.Any(policy => policy.Policy.ConfigDigests is not null), null, expires, accepted);
        ChallengeUse use = challenges.Use(session, tee, EvidenceService.Accepted(tee, enclave, accepted)) with { Token = (token, expires) };
        if (!await sessions.TryUseChallengeAsync(use, cancellation))
        {
            throw ChallengeService.NotOurs();
        }

        evidence.Count(tee, accepting);
        return new TokenResponse(token);
    }

    // One policy at least, or none that is there.
    private async Task<(IReadOnlyList<PolicyInForce?> Policies, ProtocolException? Absence)> AskedAsync(EnclaveStatement? statement, CancellationToken cancellation)
    {
        if (statement is not null)
        {
            EvidenceService.Wanted wanted = await evidence.FindAsync(statement.Cluster, statement.Kek, cancellation);
            return ([wanted.Policy], wanted.Absence);
        }

        IReadOnlyList<PolicyInForce> all = await policies.ListAsync(cancellation);
        return (all.Count == 0 ? [null] : [.. all], null);
    }
}
