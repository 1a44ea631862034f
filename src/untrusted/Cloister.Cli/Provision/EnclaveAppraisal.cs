using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;
using Cloister.Cli.Evidence;
using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Cli.Provision;

/// <summary>
/// An operator's verdict on an enclave: authentic, covering this nonce, its key and its statement, and accepted by a policy. Nothing of
/// the enclave's answer is used before.
/// </summary>
internal static class EnclaveAppraisal
{
    /// <summary>Judges the answer to a challenge.</summary>
    /// <param name="tee">What the enclave says its evidence is.</param>
    /// <param name="answer">Body of an attestation.</param>
    /// <param name="expected">What it has to cover.</param>
    /// <param name="policy">What is acceptable.</param>
    /// <param name="roots">Roots besides the vendor's.</param>
    /// <param name="collateral">Folder with the vendor's collateral, or null.</param>
    /// <exception cref="RefusedEnclaveException">It is not to be given a KEK; the exception has step and reason.</exception>
    internal static AppraisedEnclave Judge(
        string tee, string answer, EnclaveExpectation expected, AppraisalPolicy policy, IReadOnlyList<Certificate> roots, string? collateral)
    {
        try
        {
            AttestRequest attestation = JsonSerializer.Deserialize(answer, KbsJson.Default.AttestRequest) ?? throw new JsonException("nothing in it");
            PrimaryEvidence evidence = PrimaryEvidence.Parse(tee, attestation.TeeEvidence.Primary);
            TeePublicKey key = TeePublicKey.Parse(attestation.RuntimeData.TeePublicKey);
            EnclaveStatement statement = StatementReader.Read(attestation.TeeEvidence.Additional, StatementPurpose.Provisioning)!;
            RuntimeData binding = new(expected.Nonce, Encoding.UTF8.GetBytes(attestation.RuntimeData.TeePublicKey.GetRawText()), attestation.TeeEvidence.Additional);
            VerificationResult result = Verify(evidence, collateral, roots);
            if (!result.IsAuthentic)
            {
                throw new RefusedEnclaveException(result.Failure);
            }

            if (!evidence.IsBoundBy(result.UnappraisedClaims, binding))
            {
                throw new RefusedEnclaveException(new StepFailure("report_data", "mismatch", "the evidence does not cover this challenge, key and statement"));
            }

            AppraisalResult appraisal = Appraiser.Appraise(result, policy, new Expectations(KeyValuePair.Create(evidence.BoundClaim, evidence.BoundValue(binding))));
            if (!appraisal.IsAccepted)
            {
                throw new RefusedEnclaveException(appraisal.Failures[0]);
            }

            expected.Check(statement);
            return new AppraisedEnclave(key, statement, appraisal.Waived);
        }
        catch (StatementException e)
        {
            throw new RefusedEnclaveException(e.Failure);
        }
        catch (Exception e) when (e is FormatException or EvidenceFormatException or InvalidOperationException or JsonException)
        {
            throw new RefusedEnclaveException(new StepFailure("request", "malformed", e.Message));
        }
    }

    private static VerificationResult Verify(PrimaryEvidence evidence, string? directory, IReadOnlyList<Certificate> roots)
    {
        try
        {
            return VerifyWith(evidence, directory, roots);
        }
        catch (EvidenceFormatException e)
        {
            return VerificationResult.NotAuthentic(evidence.Tee, e.ToFailure("parse_collateral"));
        }
    }

    private static VerificationResult VerifyWith(PrimaryEvidence evidence, string? directory, IReadOnlyList<Certificate> roots)
    {
        VerificationTime now = VerificationTime.At(DateTimeOffset.UtcNow);
        TrustAnchors anchors = TrustAnchors.Of([.. TrustAnchors.ForVendorOf(evidence.Tee).All, .. TrustAnchors.Of(roots).All]);
        switch (evidence.Tee)
        {
            case Tee.Nitro:
                return NitroVerifier.Verify(evidence.Bytes, anchors, now);
            case Tee.Snp:
                SnpCollateral certificates = directory is null ? evidence.Endorsements : EvidenceFiles.Reading(() => CollateralDirectory.ReadSnp(directory));
                return SnpVerifier.Verify(evidence.Bytes, evidence.Certificates, certificates, anchors, now);
            case Tee.AzureSnp:
                return AzureVerifier.VerifySnp(evidence.Bytes, directory is null ? SnpCollateral.None : EvidenceFiles.Reading(() => CollateralDirectory.ReadSnp(directory)), anchors, now);
            default:
                string needed = directory ?? throw new CliException($"{TeeNames.NameOf(evidence.Tee)} evidence needs --collateral DIR");
                DcapCollateral collateral = EvidenceFiles.Reading(() => CollateralDirectory.ReadDcap(needed));
                return evidence.Tee == Tee.AzureTdx ? AzureVerifier.VerifyTdx(evidence.Bytes, collateral, anchors, now) : DcapVerifier.Verify(evidence.Tee, evidence.Bytes, collateral, anchors, now);
        }
    }
}
