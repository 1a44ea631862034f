using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Evidence;

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
        KeptEvidence evidence = KeptEvidence.Of(record);
        (StepFailure? failure, _) = await evidence.JudgeAsync(verification, policy, cancellation);
        return new DryRunVerdict(
            record.At, record.Lease, record.Instance, record.Tee, evidence.Statement?.Cluster ?? "", evidence.Statement?.Kek ?? "", record.Accepted, failure is null,
            failure?.Step ?? "", failure?.ToString() ?? "");
    }
}
