using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Metrics;
using Cloister.Broker.Host.Traces;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Rows;
using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Verifies evidence, once, and appraises it under policies. What is accepted is in the audit log and the archive; refusals are as <see cref="RefusalLog"/>
/// says, and refused evidence is kept of those only who have a lease. Thread-safe.
/// </summary>
internal sealed class EvidenceService(
    EvidenceVerification verification, PolicyCache policies, KekDirectory keks, RefusalLog refusals, IEvidenceArchive archive, BrokerMetrics metrics, TimeProvider clock)
{
    private const int LargestKept = 64 * 1024;
    private static readonly EvidenceLimits Limits = new(Accepted: 100_000, Refused: 1_000, Age: TimeSpan.FromDays(30));

    /// <summary>Whether evidence is authentic and covers challenge, key and statement; no KEK, cluster or policy decides about that.</summary>
    /// <exception cref="ProtocolException">It is not, or too much waits.</exception>
    public async Task<VerifiedEvidence> VerifyAsync(Caller caller, string tee, AttestRequest request, string purpose, CancellationToken cancellation)
    {
        using Activity? span = BrokerTraces.Part("verify evidence");
        PolicyCache.TrustedRoots roots = policies.Roots;
        EvidenceReading reading = await verification.VerifyAsync(tee, request, purpose, roots.Certificates, caller.Requester, cancellation);
        if (reading.Failure?.Code == "untrusted_root" && await policies.RootsBesidesAsync(roots, cancellation) is { } others)
        {
            reading = await verification.VerifyAsync(tee, request, purpose, others.Certificates, caller.Requester, cancellation);
        }

        span?.SetTag("cloister.result", reading.IsVerified ? "verified" : reading.Failure.Step);
        return reading.IsVerified ? reading.Evidence
            : reading.Failure.Code == "busy" ? throw new ProtocolException(ProtocolError.Busy, reading.Failure.Detail)
            : throw await RefusedAsync(caller, tee, request, "", reading.Failure, cancellation);
    }

    /// <summary>
    /// The KEK and its policy. Where there is no such KEK for this cluster, or no policy, another policy stands in: who is accepted by none is refused alike, after
    /// the same work, whatever names it tries (<see cref="IsOursAsync"/>).
    /// </summary>
    public async Task<Wanted> FindAsync(string cluster, string name, CancellationToken cancellation, RowHead? asOf = null)
    {
        Kek? kek = await keks.TryFindAsync(cluster, name, cancellation, asOf);
        PolicyInForce? own = kek is null ? null : await policies.TryFindAsync(kek.Record.Policy, cancellation, asOf);
        return new Wanted(kek, own ?? await policies.StandInAsync(cluster, name, cancellation), own is null ? kek is null ? KekDirectory.Unknown() : PolicyCache.Missing() : null);
    }

    /// <summary>The verdict of one policy on evidence that was verified, its configuration digests included.</summary>
    public EvidenceVerdict Appraise(VerifiedEvidence evidence, InitData? initData, PolicyInForce? policy)
    {
        if (policy is null)
        {
            return EvidenceVerdict.Refuse(new StepFailure("policy", "none", "there is no policy: an operator has to set one"));
        }

        using Activity? span = BrokerTraces.Part("appraise evidence");
        EvidenceVerdict verdict = verification.Appraise(evidence, policy.Policy.Appraisal, policy.Policy.Roots);
        return verdict.IsAccepted && policy.Policy.Check(verdict.Enclave, initData) is { } failure ? EvidenceVerdict.Refuse(failure) : verdict;
    }

    /// <summary>
    /// Whether some policy in force accepts the evidence: an enclave of ours, that asks for a wrong name, is told so. Asked after every refusal, whether there is
    /// such a KEK or not, so that it takes the same time.
    /// </summary>
    public async Task<bool> IsOursAsync(VerifiedEvidence evidence, InitData? initData, CancellationToken cancellation)
    {
        bool isOurs = false;
        foreach (PolicyInForce policy in await policies.RecentAsync(cancellation))
        {
            isOurs |= Appraise(evidence, initData, policy).IsAccepted;
        }

        return isOurs;
    }

    /// <summary>Counts an acceptance, when what it earned is stored.</summary>
    public void Count(string tee, IEnumerable<PolicyInForce> accepting)
    {
        foreach (PolicyInForce policy in accepting)
        {
            metrics.Evidence(tee, policy.Policy.Name, "accepted", "");
        }
    }

    /// <summary>What is logged of an acceptance.</summary>
    public static AuditEvent Accepted(string tee, AttestedEnclave enclave, IReadOnlyList<string> policies) => new("evidence.accepted", new JsonObject
    {
        ["tee"] = tee, ["instance"] = enclave.Instance, ["measurement"] = enclave.Measurement, ["platform"] = enclave.Platform,
        ["policies"] = string.Join(' ', policies), ["otherRoots"] = string.Join(' ', enclave.OtherRoots), ["revocationChecked"] = enclave.RevocationChecked,
    });

    /// <summary>The evidence that a lease is given for, to be kept; null when it is too large.</summary>
    public static (EvidenceRecord, EvidenceLimits)? Kept(string tee, AttestRequest request, LeaseRecord lease) =>
        Body(request) is { Length: <= LargestKept } body ? (new EvidenceRecord(true, lease.Id, lease.Instance, tee, "", lease.RenewedAt, body), Limits) : null;

    /// <summary>Records a refusal.</summary>
    /// <returns>What the client is told: the first step that failed.</returns>
    public async Task<ProtocolException> RefusedAsync(Caller caller, string tee, AttestRequest request, string policy, StepFailure failure, CancellationToken cancellation)
    {
        metrics.Evidence(tee, policy, "refused", failure.Step);
        string instance = InstanceOf(request);
        bool isLogged = await refusals.RecordAsync(
            new RefusalLog.Kind("evidence.refused", SourceOf(caller), tee, failure.Step, failure.Code),
            new JsonObject { ["tee"] = tee, ["instance"] = instance, ["policy"] = policy, ["step"] = failure.Step, ["code"] = failure.Code },
            cancellation);

        // Whose token it is: a lease's token is encrypted to the attested key, so nobody else has it.
        if (isLogged && caller.Lease?.Instance == instance && Body(request) is { Length: <= LargestKept } body)
        {
            await archive.KeepEvidenceAsync(new EvidenceRecord(false, "", instance, tee, failure.ToString(), clock.GetUtcNow(), body), Limits, cancellation);
        }

        return new ProtocolException(ProtocolError.AttestationError, failure.ToString());
    }

    /// <summary>Records that what was asked for is denied whatever the evidence says: no such KEK, or revoked.</summary>
    public Task DeniedAsync(Caller caller, string tee, AttestRequest request, ProtocolException denial, CancellationToken cancellation)
    {
        metrics.Evidence(tee, "", "denied", denial.Error.ToString());
        string instance = InstanceOf(request);
        return refusals.RecordAsync(
            new RefusalLog.Kind("evidence.denied", SourceOf(caller), tee, denial.Error.ToString(), instance),
            new JsonObject { ["tee"] = tee, ["instance"] = instance, ["error"] = denial.Error.ToString(), ["detail"] = denial.Message },
            cancellation);
    }

    private static string SourceOf(Caller caller) => caller.Lease is { } lease ? $"lease {lease.Lease}" : caller.Source;

    private static byte[] Body(AttestRequest request) => JsonSerializer.SerializeToUtf8Bytes(request, KbsJson.Default.AttestRequest);

    private static string InstanceOf(AttestRequest request)
    {
        try
        {
            return TeePublicKey.Parse(request.RuntimeData.TeePublicKey).Thumbprint;
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            return "";
        }
    }

    /// <summary>What evidence asks for.</summary>
    /// <param name="Kek">The KEK; null when there is none.</param>
    /// <param name="Policy">What judges; null when there is no policy at all.</param>
    /// <param name="Absence">What an accepted party is told in place of a lease; null: nothing is missing.</param>
    internal sealed record Wanted(Kek? Kek, PolicyInForce? Policy, ProtocolException? Absence);
}
