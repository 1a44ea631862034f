using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Azure;
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
/// From a request to an accepted enclave, what costs least first: form, purpose and, before anybody is asked for collateral, the signatures under a pinned
/// root and the binding of challenge, key and statement; then authenticity; then appraisal. Evidence is verified once and appraised by as many policies as
/// there are. The challenge itself (its seal, its single use) is the caller's part. Thread-safe.
/// </summary>
public sealed class EvidenceVerification
{
    private static readonly StepFailure Unbound = new("report_data", "mismatch", "the evidence does not cover this challenge, key and statement");
    private static readonly StepFailure NoKey = new(
        "collateral", "missing_certificate", "neither the evidence nor this broker has the certificate of the key that signed: let the guest send its certificate table, or set collateral.kds");
    private static readonly StepFailure Crowded = new("verification", "busy", "too much evidence waits to be verified: try again later, or another broker");

    private readonly CollateralByRoots _collateral;
    private readonly ISnpCollateralSource? _endorsements;
    private readonly TimeProvider _clock;
    private readonly OtherRoots _otherRoots;
    private readonly VerificationPlaces? _places;
    private readonly Func<string, CancellationToken, Task<bool>>? _isKnownPlatform;

    /// <summary>Verifies with collateral from these sources.</summary>
    /// <param name="source">For SGX and TDX.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="endorsements">For SEV-SNP. Null: a guest has to send all of it.</param>
    /// <param name="otherRoots">Roots that policies may trust besides the vendors'. Null: none.</param>
    /// <param name="places">How many verify at a time; null: any number.</param>
    /// <param name="isKnownPlatform">Whether a platform (lower-case hex) has or had a lease; null: none has.</param>
    /// <param name="caching">How long collateral for SGX and TDX is kept; null: as is good for what decides.</param>
    /// <param name="floors">What is kept of the collateral that was seen under a root; null: as long as this lives.</param>
    public EvidenceVerification(
        IDcapCollateralSource source, TimeProvider clock, ISnpCollateralSource? endorsements = null, OtherRoots? otherRoots = null, VerificationPlaces? places = null,
        Func<string, CancellationToken, Task<bool>>? isKnownPlatform = null, Func<Certificate, ITcbEvaluationFloor>? floors = null, VerifiedCollateralCacheOptions? caching = null)
    {
        _collateral = new CollateralByRoots(source, floors, caching);
        _endorsements = endorsements;
        _clock = clock;
        _otherRoots = otherRoots ?? OtherRoots.None;
        _places = places;
        _isKnownPlatform = isKnownPlatform;
    }

    /// <summary>Collateral for SGX and TDX that is here, and when it was fetched. Some of it may be overdue.</summary>
    public IReadOnlyList<(DcapCollateralKey Model, VerifiedDcapCollateral Collateral, DateTimeOffset FetchedAt)> Collateral => _collateral.All;

    /// <summary>Why a policy may not trust these roots at this broker; null: it may.</summary>
    public string? RootsRefusal(IReadOnlyList<Certificate> roots) => _otherRoots.Refusal(roots);

    /// <summary>The verdict of one policy. Bad evidence is a verdict, not an exception.</summary>
    /// <param name="tee">The kind of TEE that the challenge was made for.</param>
    /// <param name="request">The evidence.</param>
    /// <param name="purpose">What it is to be used for, of <see cref="StatementPurpose"/>: evidence for something else is refused.</param>
    /// <param name="policy">What is acceptable.</param>
    /// <param name="roots">Roots that the policy trusts besides the vendor's: simulated vendors.</param>
    /// <param name="cancellation">Stops waiting for collateral.</param>
    public async Task<EvidenceVerdict> VerifyAsync(
        string tee, AttestRequest request, string purpose, AppraisalPolicy policy, IReadOnlyList<Certificate> roots, CancellationToken cancellation)
    {
        if (_otherRoots.Refusal(roots) is { } refusal)
        {
            return EvidenceVerdict.Refused(new StepFailure("roots", "not_allowed", refusal));
        }

        EvidenceReading reading = await VerifyAsync(tee, request, purpose, roots, Requester.Known, cancellation);
        return reading.IsVerified ? Appraise(reading.Evidence, policy, roots) : EvidenceVerdict.Refused(reading.Failure);
    }

    /// <summary>Whether evidence is authentic and covers challenge, key and statement. Bad evidence is an answer, not an exception.</summary>
    /// <param name="tee">The kind of TEE that the challenge was made for.</param>
    /// <param name="request">The evidence.</param>
    /// <param name="purpose">What it is to be used for, of <see cref="StatementPurpose"/>: evidence for something else is refused.</param>
    /// <param name="roots">Roots besides the vendor's that some policy trusts; which policy trusts the one that vouches is asked by <see cref="Appraise"/>.</param>
    /// <param name="requester">For whom: strangers have places and collateral requests of their own.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public async Task<EvidenceReading> VerifyAsync(
        string tee, AttestRequest request, string purpose, IReadOnlyList<Certificate> roots, Requester requester, CancellationToken cancellation)
    {
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
            return EvidenceReading.Refused(e.Failure);
        }
        catch (Exception e) when (e is FormatException or EvidenceFormatException or InvalidOperationException or JsonException)
        {
            return EvidenceReading.Refused(new StepFailure("request", "malformed", e.Message));
        }

        TrustAnchors anchors = TrustAnchors.Of([.. TrustAnchors.ForVendorOf(evidence.Tee).All, .. TrustAnchors.Of(roots).All]);
        VerificationResult result = await VerifyAsync(evidence, anchors, binding, requester, cancellation);
        if (!result.IsAuthentic)
        {
            return EvidenceReading.Refused(result.Failure);
        }

        return evidence.IsBoundBy(result.UnappraisedClaims, binding)
            ? EvidenceReading.Of(new VerifiedEvidence(result, key, statement, Expected(evidence, binding, request.RuntimeData.Nonce, key)))
            : EvidenceReading.Refused(Unbound);
    }

    /// <summary>The verdict of a policy on evidence that was verified. Asks nobody.</summary>
    /// <param name="evidence">The evidence.</param>
    /// <param name="policy">What is acceptable.</param>
    /// <param name="roots">Roots that this policy trusts besides the vendor's.</param>
    public EvidenceVerdict Appraise(VerifiedEvidence evidence, AppraisalPolicy policy, IReadOnlyList<Certificate> roots)
    {
        // Whoever set the policy, and whenever: the database is not what says which roots count.
        if (_otherRoots.Refusal(roots) is { } refusal)
        {
            return EvidenceVerdict.Refused(new StepFailure("roots", "not_allowed", refusal));
        }

        Certificate root = evidence.Result.Root!;
        if (TrustAnchors.ForVendorOf(evidence.Result.Tee).Match(root) is null && TrustAnchors.Of(roots).Match(root) is null)
        {
            return EvidenceVerdict.Refused(new StepFailure("roots", "untrusted_root", $"the policy does not trust the root '{root.CommonName}' with SHA-256 {Convert.ToHexStringLower(root.Sha256.Span)}"));
        }

        AppraisalResult appraisal = Appraiser.Appraise(evidence.Result, policy, evidence.Expectations);
        return appraisal.IsAccepted
            ? EvidenceVerdict.Accepted(
                new AttestedEnclave(appraisal.Evidence, evidence.Key, evidence.Statement) { OtherRoots = OtherRoots.In(roots), RevocationChecked = evidence.Result.RevocationChecked },
                appraisal.Waived)
            : EvidenceVerdict.Refused(appraisal.Failures);
    }

    // A document of Nitro has places for challenge and key besides, so a policy may ask for them there too.
    private static Expectations Expected(PrimaryEvidence evidence, RuntimeData binding, string nonce, TeePublicKey key) => evidence.Tee == Tee.Nitro
        ? new Expectations(
            KeyValuePair.Create(evidence.BoundClaim, evidence.BoundValue(binding)),
            KeyValuePair.Create<string, ReadOnlyMemory<byte>>(ClaimNames.Nonce, Encoding.UTF8.GetBytes(nonce)),
            KeyValuePair.Create<string, ReadOnlyMemory<byte>>(ClaimNames.PublicKey, key.SubjectPublicKeyInfo))
        : new Expectations(KeyValuePair.Create(evidence.BoundClaim, evidence.BoundValue(binding)));

    private async Task<VerificationResult> VerifyAsync(PrimaryEvidence evidence, TrustAnchors anchors, RuntimeData binding, Requester requester, CancellationToken cancellation)
    {
        VerificationTime now = VerificationTime.At(_clock.GetUtcNow());
        try
        {
            return evidence.Tee switch
            {
                Tee.Nitro => (await ComputeAsync(evidence.Tee, requester, () => NitroVerifier.Verify(evidence.Bytes, anchors, now), cancellation))!,
                Tee.Snp => await VerifySnpAsync(evidence, anchors, now, binding, requester, cancellation),
                Tee.AzureSnp or Tee.AzureTdx => await VerifyAzureAsync(evidence, anchors, now, binding, requester, cancellation),
                _ => await VerifyDcapAsync(evidence.Tee, evidence.Bytes, anchors, now, binding.Binds, requester, cancellation),
            };
        }
        catch (EvidenceFormatException e)
        {
            return VerificationResult.NotAuthentic(evidence.Tee, e.ToFailure(evidence.Tee is Tee.Sgx or Tee.Tdx ? "parse_quote" : "evidence_format"));
        }
        catch (CollateralException e)
        {
            return VerificationResult.NotAuthentic(evidence.Tee, new StepFailure("collateral", e.Code, e.Message));
        }
    }

    private delegate bool IsBound(ReadOnlySpan<byte> reportData);

    private async Task<VerificationResult> VerifyDcapAsync(
        Tee tee, ReadOnlyMemory<byte> bytes, TrustAnchors anchors, VerificationTime now, IsBound isBound, Requester requester, CancellationToken cancellation)
    {
        // Collateral that is here already costs nobody anything: what the quote claims to be is good enough to look.
        IReadOnlyList<Certificate> chain = ChainOf(bytes);
        if (_collateral.Find(chain[^1], DcapCollateralKey.FromPckCertificate(tee, chain[0]), now) is { } known)
        {
            return (await ComputeAsync(tee, requester, () => DcapVerifier.Verify(tee, bytes, known, now), cancellation))!;
        }

        DcapOrigin? origin = null;
        VerificationResult? refused = await ComputeAsync(
            tee, requester,
            () => DcapVerifier.CheckSignatures(tee, bytes, anchors, now, out origin) is { } failure ? VerificationResult.NotAuthentic(tee, failure)
                : isBound(origin!.ReportData.Span) ? null
                : VerificationResult.NotAuthentic(tee, Unbound),
            cancellation);
        if (refused is not null)
        {
            return refused;
        }

        VerifiedDcapCollateral collateral = await _collateral.For(origin!.Root).GetAsync(origin.Model, now, cancellation, requester);
        return (await ComputeAsync(tee, requester, () => DcapVerifier.Verify(tee, bytes, collateral, now), cancellation))!;
    }

    private static IReadOnlyList<Certificate> ChainOf(ReadOnlyMemory<byte> quote)
    {
        QuoteSignatureData data = DcapQuote.Parse(quote).SignatureData;
        return data.CertificationDataType == QuoteSignatureData.PckChain
            ? PemCertificates.Parse(data.CertificationData.Span)
            : throw new EvidenceFormatException("quote.signature_data.qe_certification_data_type", 0, "the quote carries no PCK chain");
    }

    private async Task<VerificationResult> VerifySnpAsync(
        PrimaryEvidence evidence, TrustAnchors anchors, VerificationTime now, RuntimeData binding, Requester requester, CancellationToken cancellation)
    {
        SnpEvidence parsed = SnpEvidence.Parse(evidence.Bytes, evidence.Certificates);

        // Without the key that signed nothing else can be checked; a report that was made for something else need not be.
        if (!binding.Binds(parsed.Report.ReportData))
        {
            return VerificationResult.NotAuthentic(Tee.Snp, Unbound);
        }

        SnpCollateral sent = evidence.Endorsements;
        bool hasKey = sent.EndorsementKeys.Count > 0 || parsed.Certificates!.Find(SnpCertificateKind.Vcek) is not null || parsed.Certificates.Find(SnpCertificateKind.Vlek) is not null;
        return await EndorsementsAsync(parsed.Report, sent, hasKey, requester, cancellation) is not { } collateral ? VerificationResult.NotAuthentic(Tee.Snp, NoKey)
            : (await ComputeAsync(Tee.Snp, requester, () => SnpVerifier.Verify(evidence.Bytes, evidence.Certificates, collateral, anchors, now), cancellation))!;
    }

    // The challenge and all that hangs on the vTPM's key is looked at before anybody is asked; the hardware's report then decides whose key that is.
    private async Task<VerificationResult> VerifyAzureAsync(
        PrimaryEvidence evidence, TrustAnchors anchors, VerificationTime now, RuntimeData binding, Requester requester, CancellationToken cancellation)
    {
        AzureEvidence parsed = AzureEvidence.Parse(evidence.Tee, evidence.Bytes);
        VerificationResult? refused = !CryptographicOperations.FixedTimeEquals(parsed.Quote.QualifyingData.Span, binding.Digest.Span)
            ? VerificationResult.NotAuthentic(evidence.Tee, Unbound)
            : await ComputeAsync(
                evidence.Tee, requester, () => AzureVerifier.CheckQuote(parsed) is { } failure ? VerificationResult.NotAuthentic(evidence.Tee, failure) : null, cancellation);
        if (refused is not null)
        {
            return refused;
        }

        if (evidence.Tee == Tee.AzureTdx)
        {
            VerificationResult quote = await VerifyDcapAsync(Tee.Tdx, parsed.TdQuote, anchors, now, _ => true, requester, cancellation);
            return AzureVerifier.Conclude(parsed, quote);
        }

        SnpReport report = SnpReport.Parse(parsed.Hcl.HardwareReport);
        SnpCollateral sent = parsed.Endorsements;
        return await EndorsementsAsync(report, sent, sent.EndorsementKeys.Count > 0, requester, cancellation) is not { } collateral ? VerificationResult.NotAuthentic(evidence.Tee, NoKey)
            : (await ComputeAsync(
                evidence.Tee, requester, () => AzureVerifier.Conclude(parsed, AzureVerifier.VerifyReport(parsed, collateral, anchors, now)), cancellation))!;
    }

    // What a report is verified with, of the guest's and of this broker's. Null: nobody has the certificate of the key that signed.
    private async Task<SnpCollateral?> EndorsementsAsync(SnpReport report, SnpCollateral sent, bool hasKey, Requester requester, CancellationToken cancellation)
    {
        if (!hasKey && requester == Requester.Unknown && _isKnownPlatform is not null && await _isKnownPlatform(Convert.ToHexStringLower(report.ChipId), cancellation))
        {
            requester = Requester.Known; // begins anew, perhaps
        }

        SnpCollateral known = _endorsements is null ? SnpCollateral.None : await _endorsements.GetAsync(report, hasKey, requester, cancellation);
        return !hasKey && known.EndorsementKeys.Count == 0 ? null : new SnpCollateral
        {
            EndorsementKeys = hasKey ? sent.EndorsementKeys : known.EndorsementKeys,
            Authorities = known.Authorities.Count > 0 ? known.Authorities : sent.Authorities,
            RevocationLists = known.RevocationLists,
        };
    }

    // Null: nothing was refused yet.
    private async Task<VerificationResult?> ComputeAsync(Tee tee, Requester requester, Func<VerificationResult?> compute, CancellationToken cancellation)
    {
        if (_places is null)
        {
            return compute();
        }

        using IDisposable? place = await _places.TryAcquireAsync(requester, cancellation);
        return place is null ? VerificationResult.NotAuthentic(tee, Crowded) : compute();
    }
}
