using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.RateLimiting;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Release;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Verifies and appraises evidence under policies; every verdict is in the audit log and the evidence in the archive. At most so many at a time, and so
/// many that wait: the rest is told to come back. Thread-safe.
/// </summary>
internal sealed class EvidenceDesk(EvidenceVerification verification, IBrokerState state, TimeProvider clock) : IAsyncDisposable
{
    private const int MaxWaiting = 2048;
    private static readonly EvidenceLimits Limits = new(Accepted: 100_000, Refused: 1_000, Age: TimeSpan.FromDays(30));

    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = 4 * Environment.ProcessorCount, QueueLimit = MaxWaiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>What the enclave says about itself; null for a guest that says nothing, where the purpose allows that.</summary>
    /// <exception cref="ProtocolException">Not well-formed, or the evidence was made for another purpose.</exception>
    public async Task<EnclaveStatement?> StatementAsync(string tee, AttestRequest request, string purpose, CancellationToken cancellation)
    {
        try
        {
            return StatementReader.Read(request.TeeEvidence.Additional, purpose);
        }
        catch (StatementException e)
        {
            throw await RefusedAsync(tee, request, "", e.Failure, cancellation);
        }
    }

    /// <summary>The verdict of one policy, its configuration digests included.</summary>
    /// <exception cref="ProtocolException">Too many wait.</exception>
    public async Task<EvidenceVerdict> JudgeAsync(string tee, AttestRequest request, string purpose, PolicyInForce policy, CancellationToken cancellation)
    {
        using RateLimitLease permit = await _limiter.AcquireAsync(1, cancellation);
        if (!permit.IsAcquired)
        {
            throw new ProtocolException(ProtocolError.Busy, "too much evidence waits to be verified: try again later, or another broker");
        }

        EvidenceVerdict verdict = await verification.VerifyAsync(tee, request, purpose, policy.Policy.Appraisal, policy.Policy.Roots, cancellation);
        return verdict.IsAccepted && policy.Policy.Check(verdict.Enclave, request.InitData) is { } failure ? EvidenceVerdict.Refuse(failure) : verdict;
    }

    /// <summary>Records an acceptance.</summary>
    public Task AcceptedAsync(string tee, AttestedEnclave enclave, IReadOnlyList<string> policies, CancellationToken cancellation) =>
        state.AppendAsync(Accepted(tee, enclave, policies), cancellation);

    /// <summary>What is logged of an acceptance.</summary>
    public static AuditEvent Accepted(string tee, AttestedEnclave enclave, IReadOnlyList<string> policies) => new("evidence.accepted", new JsonObject
    {
        ["tee"] = tee, ["instance"] = enclave.Instance, ["measurement"] = enclave.Measurement, ["platform"] = enclave.Platform,
        ["policies"] = string.Join(' ', policies), ["otherRoots"] = string.Join(' ', enclave.OtherRoots),
    });

    /// <summary>The evidence that a lease is given for, to be kept; null when it is too large.</summary>
    public static (EvidenceRecord, EvidenceLimits)? Kept(string tee, AttestRequest request, LeaseRecord lease) =>
        Body(request) is { Length: <= KbsPaths.MaxBodySize } body ? (new EvidenceRecord(true, lease.Id, lease.Instance, tee, "", lease.RenewedAt, body), Limits) : null;

    /// <summary>Records a refusal.</summary>
    /// <returns>What the client is told: the first step that failed.</returns>
    public async Task<ProtocolException> RefusedAsync(string tee, AttestRequest request, string policy, StepFailure failure, CancellationToken cancellation)
    {
        string instance = InstanceOf(request);
        Task audit = state.AppendAsync(new AuditEvent("evidence.refused", new JsonObject
        {
            ["tee"] = tee, ["instance"] = instance, ["policy"] = policy, ["step"] = failure.Step, ["code"] = failure.Code,
        }), cancellation);
        await Task.WhenAll(audit, KeepAsync(new EvidenceRecord(false, "", instance, tee, failure.ToString(), clock.GetUtcNow(), Body(request)), cancellation));
        return new ProtocolException(ProtocolError.AttestationError, failure.ToString());
    }

    /// <summary>Records that what was asked for is denied whatever the evidence says: no such KEK, or revoked.</summary>
    public Task DeniedAsync(string tee, AttestRequest request, ProtocolException denial, CancellationToken cancellation) =>
        state.AppendAsync(new AuditEvent("evidence.denied", new JsonObject
        {
            ["tee"] = tee, ["instance"] = InstanceOf(request), ["error"] = denial.Error.ToString(), ["detail"] = denial.Message,
        }), cancellation);

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _limiter.DisposeAsync();

    private Task KeepAsync(EvidenceRecord record, CancellationToken cancellation) =>
        record.Body.Length > KbsPaths.MaxBodySize ? Task.CompletedTask : state.KeepEvidenceAsync(record, Limits, cancellation);

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
}
