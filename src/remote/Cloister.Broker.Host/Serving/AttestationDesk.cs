using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Attestation without a lease, as KBS clients do it: a token that says which policies accept the evidence. With a statement, the policy of the KEK that
/// it names is asked; without, every policy in force. Thread-safe. secrets: tokens pass.
/// </summary>
internal sealed class AttestationDesk(
    ChallengeDesk challenges, EvidenceDesk evidence, PolicyBook policies, KekDirectory keks, RevocationList revocations, IBrokerState state, BrokerAuthority authority,
    TimeProvider clock)
{
    private readonly TokenIssuer _tokens = new(authority, clock);

    /// <summary>Answers evidence with a token, which the session has from then on too.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<TokenResponse> AttestAsync(string? session, AttestRequest request, CancellationToken cancellation)
    {
        string tee = await challenges.UseAsync(session, request.RuntimeData.Nonce, cancellation);
        try
        {
            return await AttestAsync(tee, session!, request, cancellation);
        }
        catch (ProtocolException e) when (e.Error is ProtocolError.KekNotFound or ProtocolError.LeaseRevoked)
        {
            await evidence.DeniedAsync(tee, request, e, cancellation);
            throw;
        }
    }

    private async Task<TokenResponse> AttestAsync(string tee, string session, AttestRequest request, CancellationToken cancellation)
    {
        (EvidenceVerdict verdict, List<PolicyInForce> accepting) = await JudgeAsync(tee, request, cancellation);
        string[] accepted = [.. accepting.Select(policy => policy.Id)];
        (await revocations.CurrentAsync(cancellation)).Check(verdict.Enclave!.Instance, verdict.Enclave.Measurement, verdict.Enclave.Platforms, "");
        DateTimeOffset expires = clock.GetUtcNow() + TokenIssuer.Lifetime;
        string token = _tokens.Issue(verdict, request.RuntimeData, accepting.Any(policy => policy.Policy.ConfigDigests is not null), null, expires, accepted);
        await Task.WhenAll(
            evidence.AcceptedAsync(tee, verdict.Enclave, accepted, cancellation),
            state.SetSessionTokenAsync(session, token, expires, cancellation));
        return new TokenResponse(token);
    }

    private async Task<(EvidenceVerdict Verdict, List<PolicyInForce> Accepting)> JudgeAsync(string tee, AttestRequest request, CancellationToken cancellation)
    {
        EvidenceVerdict? accepted = null;
        List<PolicyInForce> accepting = [];
        (string Policy, StepFailure Failure) refusal = ("", new StepFailure("policy", "none", "there is no policy: an operator has to set one"));
        IReadOnlyList<PolicyInForce> asked = await AskedAsync(tee, request, cancellation);
        for (int i = 0; i < asked.Count; i++)
        {
            EvidenceVerdict verdict = await evidence.JudgeAsync(tee, request, StatementPurpose.Resource, asked[i], cancellation);
            if (verdict.IsAccepted)
            {
                accepted ??= verdict;
                accepting.Add(asked[i]);
            }
            else if (i == 0)
            {
                refusal = (asked[i].Policy.Name, verdict.Failures[0]);
            }
        }

        return accepted is null ? throw await evidence.RefusedAsync(tee, request, refusal.Policy, refusal.Failure, cancellation) : (accepted, accepting);
    }

    private async Task<IReadOnlyList<PolicyInForce>> AskedAsync(string tee, AttestRequest request, CancellationToken cancellation)
    {
        EnclaveStatement? statement = await evidence.StatementAsync(tee, request, StatementPurpose.Resource, cancellation);
        if (statement is null)
        {
            return await policies.ListAsync(cancellation);
        }

        Kek kek = await keks.FindAsync(statement.Cluster, statement.Kek, cancellation);
        return [await policies.FindAsync(kek.Record.Policy, cancellation)];
    }
}
