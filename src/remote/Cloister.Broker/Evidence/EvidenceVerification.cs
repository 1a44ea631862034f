using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;
using Cloister.Release;
using Cloister.Broker.Policies;
using Cloister.Collateral;
using Cloister.Kbs;

namespace Cloister.Broker.Evidence;

/// <summary>
/// From a request to an accepted enclave: form, purpose, authenticity, binding of challenge, key and statement, appraisal, in this order. The challenge
/// itself (its seal, its single use) is checked by the caller before. Thread-safe.
/// </summary>
public sealed class EvidenceVerification
{
    private readonly CollateralByRoots _collateral;
    private readonly ISnpCollateralSource? _endorsements;
    private readonly TimeProvider _clock;
    private readonly OtherRoots _otherRoots;

    /// <summary>Verifies with collateral from these sources.</summary>
    /// <param name="source">For SGX and TDX.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="endorsements">For SEV-SNP. Null: a guest has to send all of it.</param>
    /// <param name="otherRoots">Roots that policies may trust besides the vendors'. Null: none.</param>
    public EvidenceVerification(IDcapCollateralSource source, TimeProvider clock, ISnpCollateralSource? endorsements = null, OtherRoots? otherRoots = null)
    {
        _collateral = new CollateralByRoots(source);
        _endorsements = endorsements;
        _clock = clock;
        _otherRoots = otherRoots ?? OtherRoots.None;
    }

    /// <summary>Why a policy may not trust these roots at this broker; null: it may.</summary>
    public string? RootsRefusal(IReadOnlyList<Certificate> roots) => _otherRoots.Refusal(roots);

    /// <summary>The verdict. Bad evidence is a verdict, not an exception.</summary>
    /// <param name="tee">The kind of TEE that the challenge was made for.</param>
    /// <param name="request">The evidence.</param>
    /// <param name="purpose">What it is to be used for, of <see cref="StatementPurpose"/>: evidence for something else is refused.</param>
    /// <param name="policy">What is acceptable.</param>
    /// <param name="roots">Roots that the policy trusts besides the vendor's: simulated vendors.</param>
    /// <param name="cancellation">Stops waiting for collateral.</param>
    public async Task<EvidenceVerdict> VerifyAsync(
        string tee, AttestRequest request, string purpose, AppraisalPolicy policy, IReadOnlyList<Certificate> roots, CancellationToken cancellation)
    {
        // Whoever set the policy, and whenever: the database is not what says which roots count.
        if (_otherRoots.Refusal(roots) is { } refusal)
        {
            return EvidenceVerdict.Refused(new StepFailure("roots", "not_allowed", refusal));
        }

        PrimaryEvidence evidence;
        TeePublicKey key;
        EnclaveStatement? statement;
        RuntimeData binding;
        try
        {
            evidence = PrimaryEvidence.Parse(tee, request.TeeEvidence.Primary);
            key = TeePublicKey.Parse(request.RuntimeData.TeePublicKey);
            statement = StatementReader.Read(request.TeeEvidence.Additional, purpose);
            binding = new RuntimeData(request.RuntimeData.Nonce, Encoding.UTF8.GetBytes(request.RuntimeData.TeePublicKey.GetRawText()), request.TeeEvidence.Additional);
        }
        catch (StatementException e)
        {
            return EvidenceVerdict.Refused(e.Failure);
        }
        catch (Exception e) when (e is FormatException or EvidenceFormatException or InvalidOperationException or JsonException)
        {
            return EvidenceVerdict.Refused(new StepFailure("request", "malformed", e.Message));
        }

        VerificationResult result = await VerifyAsync(evidence, roots, cancellation);
        if (!result.IsAuthentic)
        {
            return EvidenceVerdict.Refused(result.Failure);
        }

        // Not left to the policy: evidence that does not cover the challenge and the key says nothing about who asks.
        string boundClaim = evidence.Tee == Tee.Nitro ? ClaimNames.UserData : ClaimNames.ReportData;
        if (!result.UnappraisedClaims.All.TryGet(boundClaim, out ClaimValue? bound) || bound.Kind != ClaimKind.Bytes || !binding.Binds(bound.Bytes))
        {
            return EvidenceVerdict.Refused(new StepFailure("report_data", "mismatch", "the evidence does not cover this challenge, key and statement"));
        }

        AppraisalResult appraisal = Appraiser.Appraise(result, policy, Expected(boundClaim, binding, request.RuntimeData.Nonce, key));
        return appraisal.IsAccepted
            ? EvidenceVerdict.Accepted(new AttestedEnclave(appraisal.Evidence, key, statement) { OtherRoots = OtherRoots.In(roots) }, appraisal.Waived)
            : EvidenceVerdict.Refused(appraisal.Failures);
    }

    // A document of Nitro has places for challenge and key besides, so a policy may ask for them there too.
    private static Expectations Expected(string boundClaim, RuntimeData binding, string nonce, TeePublicKey key) => boundClaim == ClaimNames.UserData
        ? new Expectations(
            KeyValuePair.Create(boundClaim, binding.ReportData),
            KeyValuePair.Create<string, ReadOnlyMemory<byte>>(ClaimNames.Nonce, Encoding.UTF8.GetBytes(nonce)),
            KeyValuePair.Create<string, ReadOnlyMemory<byte>>(ClaimNames.PublicKey, key.SubjectPublicKeyInfo))
        : new Expectations(KeyValuePair.Create(boundClaim, binding.ReportData));

    private async Task<VerificationResult> VerifyAsync(PrimaryEvidence evidence, IReadOnlyList<Certificate> roots, CancellationToken cancellation)
    {
        VerificationTime now = VerificationTime.At(_clock.GetUtcNow());
        TrustAnchors anchors = TrustAnchors.Of([.. TrustAnchors.ForVendorOf(evidence.Tee).All, .. TrustAnchors.Of(roots).All]);
        switch (evidence.Tee)
        {
            case Tee.Nitro:
                return NitroVerifier.Verify(evidence.Bytes, anchors, now);
            case Tee.Snp:
                return await VerifySnpAsync(evidence, anchors, now, cancellation);
            default:
                try
                {
                    DcapCollateralKey model = DcapCollateralKey.FromQuote(evidence.Bytes);
                    VerifiedDcapCollateral collateral = await _collateral.For(anchors).GetAsync(model with { Tee = evidence.Tee }, now, cancellation);
                    return DcapVerifier.Verify(evidence.Tee, evidence.Bytes, collateral, now);
                }
                catch (EvidenceFormatException e)
                {
                    return VerificationResult.NotAuthentic(evidence.Tee, e.ToFailure("parse_quote"));
                }
                catch (CollateralException e)
                {
                    return VerificationResult.NotAuthentic(evidence.Tee, new StepFailure("collateral", e.Code, e.Message));
                }
        }
    }

    private async Task<VerificationResult> VerifySnpAsync(PrimaryEvidence evidence, TrustAnchors anchors, VerificationTime now, CancellationToken cancellation)
    {
        try
        {
            SnpEvidence parsed = SnpEvidence.Parse(evidence.Bytes, evidence.Certificates);
            SnpCollateral sent = evidence.Endorsements;
            bool hasKey = sent.EndorsementKeys.Count > 0 || parsed.Certificates!.Find(SnpCertificateKind.Vcek) is not null || parsed.Certificates.Find(SnpCertificateKind.Vlek) is not null;
            SnpCollateral known = _endorsements is null ? SnpCollateral.None : await _endorsements.GetAsync(parsed.Report, hasKey, cancellation);
            if (!hasKey && known.EndorsementKeys.Count == 0)
            {
                return VerificationResult.NotAuthentic(Tee.Snp, new StepFailure(
                    "collateral", "missing_certificate", "neither the evidence nor this broker has the certificate of the key that signed: let the guest send its certificate table, or set collateral.kds"));
            }

            SnpCollateral collateral = new()
            {
                EndorsementKeys = hasKey ? sent.EndorsementKeys : known.EndorsementKeys,
                Authorities = known.Authorities.Count > 0 ? known.Authorities : sent.Authorities,
                RevocationLists = known.RevocationLists,
            };
            return SnpVerifier.Verify(evidence.Bytes, evidence.Certificates, collateral, anchors, now);
        }
        catch (EvidenceFormatException e)
        {
            return VerificationResult.NotAuthentic(Tee.Snp, e.ToFailure("evidence_format"));
        }
        catch (CollateralException e)
        {
            return VerificationResult.NotAuthentic(Tee.Snp, new StepFailure("collateral", e.Code, e.Message));
        }
    }
}
