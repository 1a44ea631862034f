using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Broker.State.Evidence;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Evidence that must not get a key, against the real program: each refusal names the step, and is in the audit log.</summary>
public sealed class RefusalTests(SharedBroker shared)
{
    [Fact]
    public async Task AChallengeIsUsedOnce()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();
        AttestRequest answer = enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource));
        (await broker.Client.AttestAsync(session, answer)).Ok(KbsJson.Default.TokenResponse);

        Assert.StartsWith("challenge", (await broker.Client.AttestAsync(session, answer)).Refused(401, "AttestationError"), StringComparison.Ordinal);
        Assert.StartsWith("challenge", (await broker.Client.LeaseAsync(session, answer)).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFailedAttestationUsesTheChallengeUpToo()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();
        string statement = SimulatedEnclave.Statement(kek);
        Assert.StartsWith("report_data", (await broker.Client.LeaseAsync(session, enclave.Answer(nonce, statement, boundNonce: "other"))).Refused(401, "AttestationError"), StringComparison.Ordinal);

        Assert.StartsWith("challenge", (await broker.Client.LeaseAsync(session, enclave.Answer(nonce, statement))).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AChallengeOfAnotherSessionOrTeeOrOfNobodyIsRefused()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string statement = SimulatedEnclave.Statement(kek);
        (string nonce, _) = await broker.Client.AuthAsync();
        (_, string otherSession) = await broker.Client.AuthAsync();
        (string tdxNonce, string tdxSession) = await broker.Client.AuthAsync("tdx");
        string invented = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

        string[] details =
        [
            (await broker.Client.LeaseAsync(otherSession, enclave.Answer(nonce, statement))).Refused(401, "AttestationError"),
            (await broker.Client.LeaseAsync(otherSession, enclave.Answer(invented, statement))).Refused(401, "AttestationError"),
            (await broker.Client.LeaseAsync("x", enclave.Answer(nonce, statement))).Refused(401, "AttestationError"),
        ];
        Assert.Single(details.Distinct());

        // A quote of SGX under a challenge for TDX.
        string wrongTee = (await broker.Client.LeaseAsync(tdxSession, enclave.Answer(tdxNonce, statement))).Refused(401, "AttestationError");
        Assert.DoesNotContain("challenge", wrongTee, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TamperedEvidenceIsRefusedWithItsStepAndKeptOfThoseWithALease()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        string detail = (await broker.Client.RenewAsync(enclave, kek, lease, Tamper)).Refused(401, "AttestationError");

        Assert.StartsWith("quote_signature:", detail, StringComparison.Ordinal);
        Assert.Contains(
            await broker.Admin.AuditAsync(),
            entry => entry.Kind == "evidence.refused" && entry.Details.Contains("\"quote_signature\"", StringComparison.Ordinal) && entry.Details.Contains(enclave.Instance, StringComparison.Ordinal));
        Assert.Contains(await RefusedAsync(broker), record => record.Instance == enclave.Instance && record.Reason == detail);

        // The same of somebody who shows no token.
        using SimulatedEnclave stranger = new(TimeProvider.System);
        (string nonce, string session) = await broker.Client.AuthAsync();
        (await broker.Client.LeaseAsync(session, Tamper(stranger.Answer(nonce, SimulatedEnclave.Statement(kek))))).Refused(401, "AttestationError");
        Assert.DoesNotContain(await RefusedAsync(broker), record => record.Instance == stranger.Instance);
    }

    internal static AttestRequest Tamper(AttestRequest answer)
    {
        byte[] quote = answer.TeeEvidence.Primary.GetProperty("quote").GetBytesFromBase64();
        quote[48 + 64 + 5] ^= 1; // in MRENCLAVE
        using JsonDocument primary = JsonDocument.Parse($$"""{"quote":"{{Convert.ToBase64String(quote)}}"}""");
        return answer with { TeeEvidence = answer.TeeEvidence with { Primary = primary.RootElement.Clone() } };
    }

    private static Task<IReadOnlyList<EvidenceRecord>> RefusedAsync(RunningPair broker) =>
        broker.Admin.State.ListRefusedEvidenceAsync(1000, TestContext.Current.CancellationToken);

    [Fact]
    public async Task EvidenceOfAnotherEnclaveIsRefused()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave thief = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string statement = SimulatedEnclave.Statement(kek);

        // Another measurement; then the right one's evidence with the thief's key, so that the JWE would be the thief's.
        Assert.StartsWith("enclave:", (await broker.Client.LeaseAsync(thief, kek)).Refused(401, "AttestationError"), StringComparison.Ordinal);
        (string nonce, string session) = await broker.Client.AuthAsync();
        using JsonDocument key = JsonDocument.Parse(thief.Jwk);
        AttestRequest stolen = enclave.Answer(nonce, statement) with { RuntimeData = new AttestedRuntimeData(nonce, key.RootElement) };
        Assert.StartsWith("report_data:", (await broker.Client.LeaseAsync(session, stolen)).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AKeyIsReleasedToTheAttestedKeyAlone()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave thief = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);

        LeaseResponse lease = (await broker.Client.LeaseAsync(enclave, kek)).Ok(KbsJson.Default.LeaseResponse);

        Assert.Equal(48, ReceivedLease.Decrypt(lease.Keys!, enclave.Key).Length);
        Assert.ThrowsAny<Exception>(() => ReceivedLease.Decrypt(lease.Keys!, thief.Key));
        Assert.NotEmpty(ReceivedLease.Decrypt(lease.Token, enclave.Key));
        Assert.ThrowsAny<Exception>(() => ReceivedLease.Decrypt(lease.Token, thief.Key));
    }

    [Theory]
    [InlineData("no statement at all", "request:")]
    [InlineData("", "statement:")]
    public async Task ALeaseNeedsAStatement(string statement, string step)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        (string nonce, string session) = await broker.Client.AuthAsync();

        Assert.StartsWith(step, (await broker.Client.LeaseAsync(session, enclave.Answer(nonce, statement))).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AConfigurationThatThePolicyDoesNotNameIsRefused()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();

        string detail = (await broker.Client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, config: new string('d', 96))))).Refused(401, "AttestationError");

        Assert.StartsWith("config_digest:", detail, StringComparison.Ordinal);
    }
}
