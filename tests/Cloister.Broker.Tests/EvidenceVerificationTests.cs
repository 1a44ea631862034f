using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Collateral;
using Cloister.Kbs;

namespace Cloister.Broker.Tests;

public sealed class EvidenceVerificationTests : IDisposable
{
    private const string Nonce = "8Uv9kzBvtsqrfq0M69tUqVrXpQoyeOSSiMxTjCq7avY=";
    private static readonly string Stated = SimulatedEnclave.Statement();

    private readonly SimulatedEnclave _enclave;
    private readonly MovableClock _clock = new();
    private readonly EvidenceVerification _verification;

    public EvidenceVerificationTests()
    {
        _enclave = new SimulatedEnclave(_clock);
        _verification = new EvidenceVerification(_enclave, _clock, otherRoots: OtherRoots.Any);
    }

    [Fact]
    public async Task AnEnclaveThatThePolicyNamesIsAccepted()
    {
        EvidenceVerdict verdict = await Verify(_enclave.Answer(Nonce, Stated));
        Assert.True(verdict.IsAccepted, string.Join('\n', verdict.Failures));
        Assert.Equal(Convert.ToHexStringLower(_enclave.MrEnclave), verdict.Enclave.Measurement);
        Assert.Equal(2, verdict.Enclave.Platforms.Count);
        Assert.Equal("secrets", verdict.Enclave.Statement!.Kek);
        Assert.Contains("configid", verdict.Waived);
        Assert.Null(Policy().Check(verdict.Enclave, initData: null));
    }

    [Fact]
    public async Task ARootThatIsNoVendorsCountsOnlyWhereTheBrokerAllowsIt()
    {
        string digest = Assert.Single(OtherRoots.In(Policy().Roots));
        foreach (OtherRoots refusing in (OtherRoots[])[OtherRoots.None, OtherRoots.Of([new string('0', 64)])])
        {
            EvidenceVerdict refused = await VerifyAt(refusing);
            Assert.False(refused.IsAccepted);
            Assert.Equal(("roots", "not_allowed"), (refused.Failures[0].Step, refused.Failures[0].Code));
            Assert.Contains(digest, refused.Failures[0].Detail, StringComparison.Ordinal);
        }

        EvidenceVerdict accepted = await VerifyAt(OtherRoots.Of([digest.ToUpperInvariant()]));
        Assert.True(accepted.IsAccepted, string.Join('\n', accepted.Failures));
        Assert.Equal([digest], accepted.Enclave.OtherRoots);

        Task<EvidenceVerdict> VerifyAt(OtherRoots roots) => new EvidenceVerification(_enclave, _clock, otherRoots: roots).VerifyAsync(
            "sgx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Appraisal, Policy().Roots, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task AnotherChallengeThanTheBoundOneIsRefused() =>
        await Refused(_enclave.Answer(Nonce, Stated, boundNonce: "AAAA"), "report_data");

    [Fact]
    public async Task AnotherStatementThanTheBoundOneIsRefused() =>
        await Refused(_enclave.Answer(Nonce, Stated, boundStatement: ""), "report_data");

    [Fact]
    public async Task AnotherKeyThanTheBoundOneIsRefused()
    {
        using SimulatedEnclave thief = new(new MovableClock());
        AttestRequest stolen = _enclave.Answer(Nonce, Stated);
        using JsonDocument key = JsonDocument.Parse(thief.Jwk);
        await Refused(stolen with { RuntimeData = new AttestedRuntimeData(Nonce, key.RootElement) }, "report_data");
    }

    [Fact]
    public async Task AnotherMeasurementIsRefusedWithItsStep() =>
        await Refused(_enclave.Answer(Nonce, Stated), "enclave", Policy(new string('a', 64)));

    [Fact]
    public async Task ARootThatNoPolicyNamesIsRefused()
    {
        EvidenceVerdict verdict = await _verification.VerifyAsync("sgx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Appraisal, [], TestContext.Current.CancellationToken);
        Assert.False(verdict.IsAccepted);

        // And not after another policy's roots have let the same platform's collateral in.
        Assert.True((await Verify(_enclave.Answer(Nonce, Stated))).IsAccepted);
        verdict = await _verification.VerifyAsync("sgx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Appraisal, [], TestContext.Current.CancellationToken);
        Assert.False(verdict.IsAccepted);
    }

    [Fact]
    public async Task NobodyIsAskedForCollateralBeforeSignaturesAndBindingHold()
    {
        CountingSource source = new(_enclave);
        EvidenceVerification verification = new(source, _clock, otherRoots: OtherRoots.Any);
        Assert.Equal("pck_chain", await StepAsync(_enclave.Answer(Nonce, Stated), [])); // a root that nobody trusts
        Assert.Equal("quote_signature", await StepAsync(Processes.RefusalTests.Tamper(_enclave.Answer(Nonce, Stated)), Policy().Roots));
        Assert.Equal("report_data", await StepAsync(_enclave.Answer(Nonce, Stated, boundNonce: "other"), Policy().Roots)); // an old quote of somebody's
        Assert.Equal(0, source.Asked);
        Assert.Null(await StepAsync(_enclave.Answer(Nonce, Stated), Policy().Roots));
        Assert.Equal(1, source.Asked);

        async Task<string?> StepAsync(AttestRequest request, IReadOnlyList<Certificate> roots) => (await verification.VerifyAsync(
            "sgx", request, StatementPurpose.Lease, roots, Requester.Unknown, TestContext.Current.CancellationToken)).Failure?.Step;
    }

    [Fact]
    public async Task OneVerificationServesEveryPolicyAndEachTrustsItsOwnRoots()
    {
        CountingSource source = new(_enclave);
        EvidenceVerification verification = new(source, _clock, otherRoots: OtherRoots.Any);
        EvidenceReading reading = await verification.VerifyAsync(
            "sgx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Roots, Requester.Unknown, TestContext.Current.CancellationToken);
        Assert.True(verification.Appraise(reading.Evidence!, Policy().Appraisal, Policy().Roots).IsAccepted);
        Assert.Equal("enclave", verification.Appraise(reading.Evidence!, Policy(new string('a', 64)).Appraisal, Policy().Roots).Failures[0].Step);
        Assert.Equal(("roots", "untrusted_root"), Step(verification.Appraise(reading.Evidence!, Policy().Appraisal, [])));
        Assert.Equal(1, source.Asked);

        static (string, string) Step(EvidenceVerdict verdict) => (verdict.Failures[0].Step, verdict.Failures[0].Code);
    }

    [Fact]
    public async Task StrangersWhoWaitForTheirPlacesKeepNobodyWithALeaseWaiting()
    {
        using VerificationPlaces places = new(known: 1, strangers: 1, waiting: 0);
        EvidenceVerification verification = new(_enclave, _clock, otherRoots: OtherRoots.Any, places: places);
        using IDisposable? taken = await places.TryAcquireAsync(Requester.Unknown, TestContext.Current.CancellationToken);
        Assert.Equal("busy", (await VerifyAsync(Requester.Unknown)).Failure!.Code);
        Assert.True((await VerifyAsync(Requester.Known)).IsVerified);

        Task<EvidenceReading> VerifyAsync(Requester requester) => verification.VerifyAsync(
            "sgx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Roots, requester, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("""{"quote":"AAAA"}""", "parse_quote")]
    [InlineData("""{"quote":"?"}""", "request")]
    [InlineData("""{"quote":1}""", "request")]
    [InlineData("""{}""", "request")]
    [InlineData("""[]""", "request")]
    public async Task EvidenceOfAnotherFormIsRefused(string primary, string step)
    {
        using JsonDocument document = JsonDocument.Parse(primary);
        await Refused(_enclave.Answer(Nonce, Stated) with { TeeEvidence = new TeeEvidence(document.RootElement, Stated) }, step);
    }

    [Theory]
    [InlineData("no statement")]
    [InlineData("""{"cloister":null}""")]
    [InlineData("""{"cloister":{"version":1,"cluster":"c","provider":"p","config":"","kek":"k","lease":"","wraps":0,"unwraps":0}}""")]
    [InlineData("""{"cloister":{"version":3,"purpose":"lease","cluster":"c","provider":"p","config":"","kek":"k","lease":"","wraps":0,"unwraps":0,"gateway":""}}""")]
    public async Task AStatementThatIsNoneIsRefused(string statement) => await Refused(_enclave.Answer(Nonce, statement), "request");

    [Theory]
    [InlineData(StatementPurpose.Provisioning, StatementPurpose.Lease)]
    [InlineData(StatementPurpose.Resource, StatementPurpose.Lease)]
    [InlineData("", StatementPurpose.Lease)]
    [InlineData(StatementPurpose.Lease, StatementPurpose.Resource)]
    [InlineData(StatementPurpose.Provisioning, StatementPurpose.Resource)]
    [InlineData(StatementPurpose.Lease, StatementPurpose.Provisioning)]
    [InlineData(StatementPurpose.Resource, StatementPurpose.Provisioning)]
    [InlineData("", StatementPurpose.Provisioning)]
    public async Task EvidenceOfOnePurposeIsAcceptedForNoOther(string made, string used)
    {
        // Authentic and acceptable otherwise: for what it was made for, it is accepted.
        AttestRequest request = _enclave.Answer(Nonce, made.Length == 0 ? "" : SimulatedEnclave.Statement(purpose: made));
        EvidenceVerdict verdict = await _verification.VerifyAsync("sgx", request, used, Policy().Appraisal, Policy().Roots, TestContext.Current.CancellationToken);
        Assert.False(verdict.IsAccepted);
        Assert.Equal(("statement", "purpose"), (verdict.Failures[0].Step, verdict.Failures[0].Code));
        string own = made.Length == 0 ? StatementPurpose.Resource : made;
        verdict = await _verification.VerifyAsync("sgx", request, own, Policy().Appraisal, Policy().Roots, TestContext.Current.CancellationToken);
        Assert.True(verdict.IsAccepted);
    }

    [Theory]
    [InlineData("anything", "", "")]
    [InlineData(StatementPurpose.Provisioning, "11111111111111111111111111111111", "")]
    [InlineData(StatementPurpose.Resource, "", "2222222222222222222222222222222222222222222222222222222222222222")]
    [InlineData(StatementPurpose.Lease, "", "22")]
    public async Task AStatementThatCannotBeTrueIsRefused(string purpose, string lease, string gateway) =>
        await Refused(_enclave.Answer(Nonce, SimulatedEnclave.Statement(purpose: purpose, lease: lease, gateway: gateway)), "request");

    [Fact]
    public async Task OneKindOfTeeDoesNotPassForAnother()
    {
        EvidenceVerdict verdict = await _verification.VerifyAsync("tdx", _enclave.Answer(Nonce, Stated), StatementPurpose.Lease, Policy().Appraisal, Policy().Roots, TestContext.Current.CancellationToken);
        Assert.False(verdict.IsAccepted);
    }

    public void Dispose() => _enclave.Dispose();

    private ReleasePolicy Policy(string? mrEnclave = null)
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(_enclave.Policy(mrEnclave));
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        return read.Policy;
    }

    private async Task Refused(AttestRequest request, string step, ReleasePolicy? policy = null)
    {
        EvidenceVerdict verdict = await Verify(request, policy);
        Assert.False(verdict.IsAccepted);
        Assert.Equal(step, verdict.Failures[0].Step);
    }

    private Task<EvidenceVerdict> Verify(AttestRequest request, ReleasePolicy? policy = null)
    {
        policy ??= Policy();
        IReadOnlyList<Certificate> roots = policy.Roots;
        return _verification.VerifyAsync("sgx", request, StatementPurpose.Lease, policy.Appraisal, roots, TestContext.Current.CancellationToken);
    }

    private sealed class CountingSource(SimulatedEnclave enclave) : IDcapCollateralSource
    {
        public int Asked { get; private set; }

        public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
        {
            Asked++;
            return enclave.GetAsync(key, cancellationToken);
        }
    }
}
