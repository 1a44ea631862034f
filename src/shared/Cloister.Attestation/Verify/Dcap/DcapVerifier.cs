using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap.Steps;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>
/// Verifies SGX and TDX quotes against Intel's collateral, in the order of Intel's quote verification library. The answer says whether the evidence is authentic and what it says;
/// an out-of-date platform is authentic, and a policy decides about it.
/// </summary>
public static class DcapVerifier
{
    private static readonly VerificationStep<DcapContext>[] QuoteSteps =
    [
        new TcbInfoMatchStep(), new TdxModuleStep(), new QeReportSignatureStep(), new QeReportDataStep(), new QeIdentityMatchStep(), new QuoteSignatureStep(), new TcbLevelStep(),
    ];

    private static readonly StepSequence<DcapContext> Cold = new(
    [
        new ParseQuoteStep(), new QeVendorStep(), new ParseCollateralStep(),
        new PckChainStep(), new RootCaCrlStep(), new PckCrlStep(), new PckRevocationStep(),
        new TcbSigningChainStep(), new TcbInfoStep(), new QeIdentityStep(),
        .. QuoteSteps,
    ]);

    private static readonly StepSequence<DcapContext> CollateralOnly = new(
    [
        new ParseCollateralStep(), new RootCaCrlStep(), new PckCrlStep(), new TcbSigningChainStep(), new TcbInfoStep(), new QeIdentityStep(),
    ]);

    private static readonly StepSequence<DcapContext> Warm = new(
    [
        new ParseQuoteStep(), new QeVendorStep(), new CollateralWindowStep(), new PckChainStep(), new PckRevocationStep(), .. QuoteSteps,
    ]);

    private static readonly StepSequence<DcapContext> SignaturesOnly = new(
    [
        new ParseQuoteStep(), new QeVendorStep(), new PckChainStep(), new QeReportSignatureStep(), new QeReportDataStep(), new QuoteSignatureStep(),
    ]);

    /// <summary>Names of all steps of <see cref="Verify(Tee, ReadOnlyMemory{byte}, DcapCollateral, TrustAnchors, VerificationTime)"/>, in order, each with its specification.</summary>
    public static IReadOnlyList<(string Name, string Specification)> Steps => [.. Cold.Steps.Select(s => (s.Name, s.Specification))];

    /// <summary>Verifies a quote and all collateral. Never throws for bad evidence or collateral.</summary>
    /// <param name="tee">The kind expected: SGX or TDX.</param>
    /// <param name="quote">The quote, possibly padded with zeros.</param>
    /// <param name="collateral">As fetched.</param>
    /// <param name="anchors">Pinned roots; <see cref="TrustAnchors.Intel"/> for real platforms.</param>
    /// <param name="time">When everything must be valid.</param>
    public static VerificationResult Verify(Tee tee, ReadOnlyMemory<byte> quote, DcapCollateral collateral, TrustAnchors anchors, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        return Finish(Cold, new DcapContext { Tee = Known(tee), QuoteBytes = quote, Collateral = collateral, Anchors = NotNull(anchors), Time = NotNull(time) });
    }

    /// <summary>Verifies a quote with collateral verified before: three signatures instead of nine.</summary>
    public static VerificationResult Verify(Tee tee, ReadOnlyMemory<byte> quote, VerifiedDcapCollateral collateral, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        DcapContext context = new() { Tee = Known(tee), QuoteBytes = quote, Anchors = collateral.Anchors, Time = NotNull(time) };
        context.Endorsements = collateral.Endorsements;
        return Finish(Warm, context);
    }

    /// <summary>Verifies collateral alone, to be used with many quotes of one platform model. Null and a failure when it does not hold.</summary>
    public static VerifiedDcapCollateral? VerifyCollateral(DcapCollateral collateral, TrustAnchors anchors, VerificationTime time, out StepFailure? failure)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        DcapContext context = new() { Tee = Tee.Sgx, QuoteBytes = default, Collateral = collateral, Anchors = NotNull(anchors), Time = NotNull(time) };
        failure = CollateralOnly.Run(context);
        return failure is null ? new VerifiedDcapCollateral(context.Endorsements, anchors) : null;
    }

    /// <summary>
    /// What can be checked before anybody is asked for collateral: the form, the chain to a pinned root, and the signatures of PCK, quoting enclave and attestation key. It is
    /// no verification: revocation, TCB and the quoting enclave's identity need collateral. Null: all of it holds, and <paramref name="origin"/> is set.
    /// </summary>
    /// <param name="tee">The kind expected: SGX or TDX.</param>
    /// <param name="quote">The quote, possibly padded. Its PCK chain must be in it.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="time">When certificates must be valid.</param>
    /// <param name="origin">Which platform model made it.</param>
    public static StepFailure? CheckSignatures(Tee tee, ReadOnlyMemory<byte> quote, TrustAnchors anchors, VerificationTime time, out DcapOrigin? origin)
    {
        DcapContext context = new() { Tee = Known(tee), QuoteBytes = quote, Anchors = NotNull(anchors), Time = NotNull(time) };
        StepFailure? failure = SignaturesOnly.Run(context);
        origin = failure is null
            ? new DcapOrigin(
                DcapCollateralKey.FromPckCertificate(tee, context.PckChain[0]), context.PckChain[^1],
                context.Quote.EnclaveReport?.ReportData ?? context.Quote.TdReport!.ReportData)
            : null;
        return failure;
    }

    private static VerificationResult Finish(StepSequence<DcapContext> sequence, DcapContext context)
    {
        if (sequence.Run(context) is { } failure)
        {
            return VerificationResult.NotAuthentic(context.Tee, failure);
        }

        return VerificationResult.Authentic(context.Tee == Tee.Sgx ? new SgxClaims(context) : new TdxClaims(context), context.PckChain[^1], revocationChecked: true);
    }

    private static Tee Known(Tee tee) => tee is Tee.Sgx or Tee.Tdx ? tee : throw new ArgumentOutOfRangeException(nameof(tee));

    private static T NotNull<T>(T value)
        where T : class => value ?? throw new ArgumentNullException(nameof(value));
}
