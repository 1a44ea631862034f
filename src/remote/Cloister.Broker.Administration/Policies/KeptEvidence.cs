using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Claims;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Evidence;
using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Broker.Administration.Policies;

/// <summary>Evidence that was kept, to be judged once more. secrets: none.</summary>
/// <param name="Tee">sgx, tdx, snp, nitro.</param>
/// <param name="Request">What was presented; null: it was no attestation.</param>
/// <param name="Statement">What the enclave says about itself; null: nothing.</param>
internal sealed record KeptEvidence(string Tee, AttestRequest? Request, EnclaveStatement? Statement)
{
    /// <summary>Reads a record.</summary>
    public static KeptEvidence Of(EvidenceRecord record)
    {
        AttestRequest? request = Parse(record.Body);
        return new KeptEvidence(record.Tee, request, request is null ? null : StatementOf(request));
    }

    /// <summary>Verifies it as of now, and appraises it by a policy.</summary>
    /// <returns>What fails, null: it would be accepted; and what it says, null: it is refused by the appraisal or before.</returns>
    public async Task<(StepFailure? Failure, EvidenceClaims? Claims)> JudgeAsync(EvidenceVerification verification, ReleasePolicy policy, CancellationToken cancellation)
    {
        if (Request is null)
        {
            return (new StepFailure("request", "malformed", "what was presented is no attestation"), null);
        }

        // What it was presented for is not kept: evidence that is good for nothing at a broker is judged as if for a lease, and refused.
        string purpose = Statement?.Purpose ?? StatementPurpose.Resource;
        EvidenceVerdict verdict = await verification.VerifyAsync(
            Tee, Request, purpose == StatementPurpose.Provisioning ? StatementPurpose.Lease : purpose, policy.Appraisal, policy.Roots, cancellation);
        return verdict.IsAccepted ? (policy.Check(verdict.Enclave, Request.InitData), verdict.Enclave.Evidence.Claims) : (verdict.Failures[0], null);
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

    private static EnclaveStatement? StatementOf(AttestRequest request)
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
