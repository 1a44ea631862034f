using Cloister.Release;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Evidence;
using Cloister.Kbs;

namespace Cloister.Broker.Administration.Policies;

/// <summary>
/// What a policy would have refused: evidence that was kept is verified again, with the collateral of now, and appraised by it. Thread-safe.
/// secrets: none.
/// </summary>
/// <param name="archive">The evidence.</param>
/// <param name="verification">Verifies it.</param>
public sealed class PolicyDryRun(IEvidenceArchive archive, EvidenceVerification verification)
{
    // Verification is cheap, but not free: one run must not take a broker's processors away for long.
    private const int MostEvidence = 5000;

    /// <summary>Runs.</summary>
    /// <exception cref="AdministrationException">The text is no policy.</exception>
    public async Task<DryRunResult> RunAsync(DryRunRequest request, CancellationToken cancellation)
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(request.Yaml);
        if (!read.IsValid)
        {
            throw new AdministrationException($"the text is no policy:\n{string.Join('\n', read.Errors)}", AdministrationFailure.BadRequest);
        }

        if (verification.RootsRefusal(read.Policy.Roots) is { } refusal)
        {
            throw new AdministrationException($"spec.roots: {refusal}", AdministrationFailure.BadRequest);
        }

        List<DryRunVerdict> verdicts = [];
        int seen = 0;
        bool truncated = false;
        await foreach (EvidenceRecord record in archive.ReadEvidenceAsync(request.From, request.To, cancellation))
        {
            if (seen == MostEvidence)
            {
                truncated = true;
                break;
            }

            seen++;
            DryRunVerdict verdict = await JudgeAsync(record, read.Policy, cancellation);
            if ((request.Cluster ?? verdict.Cluster) == verdict.Cluster && (request.Kek ?? verdict.Kek) == verdict.Kek)
            {
                verdicts.Add(verdict);
            }
        }

        return new DryRunResult(
            verdicts.Count(verdict => verdict.Accepted), verdicts.Count(verdict => !verdict.Accepted), truncated,
            [.. verdicts.Where(verdict => !verdict.Accepted || !verdict.WasAccepted).OrderBy(verdict => verdict.At)]);
    }

    private async Task<DryRunVerdict> JudgeAsync(EvidenceRecord record, ReleasePolicy policy, CancellationToken cancellation)
    {
        AttestRequest? request = Parse(record.Body);
        EnclaveStatement? statement = request is null ? null : Statement(request);
        StepFailure? failure = new("request", "malformed", "what was presented is no attestation");
        if (request is not null)
        {
            // What it was presented for is not kept: evidence that is good for nothing at a broker is judged as if for a lease, and refused.
            string purpose = statement?.Purpose ?? StatementPurpose.Resource;
            EvidenceVerdict verdict = await verification.VerifyAsync(
                record.Tee, request, purpose == StatementPurpose.Provisioning ? StatementPurpose.Lease : purpose, policy.Appraisal, policy.Roots, cancellation);
            failure = verdict.IsAccepted ? policy.Check(verdict.Enclave, request.InitData) : verdict.Failures[0];
        }

        return new DryRunVerdict(
            record.At, record.Lease, record.Instance, record.Tee, statement?.Cluster ?? "", statement?.Kek ?? "", record.Accepted, failure is null,
            failure?.Step ?? "", failure?.ToString() ?? "");
    }

    private static AttestRequest? Parse(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, KbsJson.Default.AttestRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static EnclaveStatement? Statement(AttestRequest request)
    {
        try
        {
            return StatementReader.Read(request.TeeEvidence.Additional);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
