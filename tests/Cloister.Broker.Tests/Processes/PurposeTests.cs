using System.Text.Json;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Evidence and tokens that were got for one thing and are used for another, against the real program. Whoever carries them is no enclave.</summary>
public sealed class PurposeTests(SharedBroker shared)
{
    [Theory]
    [InlineData(StatementPurpose.Provisioning)]
    [InlineData(StatementPurpose.Resource)]
    [InlineData("")]
    public async Task EvidenceThatWasNotMadeForALeaseGetsNone(string purpose)
    {
        // Of its own: of what strangers are refused the first few are logged.
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(kek, enclave.Policy(configDigests: "any"), release: false);
        (string nonce, string session) = await broker.Client.AuthAsync();

        // Whoever may ask the enclave for evidence takes the broker's challenge there.
        AttestRequest relayed = enclave.Answer(nonce, purpose.Length == 0 ? "" : SimulatedEnclave.Statement(kek, purpose: purpose));

        Assert.StartsWith("statement: purpose:", (await broker.Client.LeaseAsync(session, relayed)).Refused(401, "AttestationError"), StringComparison.Ordinal);
        Assert.Contains(await broker.Admin.AuditAsync(), entry => entry.Kind == "evidence.refused" && entry.Details.Contains(enclave.Instance, StringComparison.Ordinal));
        (await broker.Client.LeaseAsync(enclave, kek)).Ok(KbsJson.Default.LeaseResponse);
    }

    [Theory]
    [InlineData(StatementPurpose.Provisioning)]
    [InlineData(StatementPurpose.Lease)]
    public async Task EvidenceThatWasNotMadeForATokenGetsNone(string purpose)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();

        KbsAnswer answer = await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: purpose)));

        Assert.StartsWith("statement: purpose:", answer.Refused(401, "AttestationError"), StringComparison.Ordinal);
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", session)).Refused(401, "TokenNotFound");
        await broker.Client.AttestAsync(enclave, kek);
    }

    [Fact]
    public async Task AStatementThatWasPutThereLaterIsNotCovered()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();
        AttestRequest forged = enclave.Answer(nonce, SimulatedEnclave.Statement(kek), boundStatement: SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Provisioning));

        Assert.StartsWith("report_data:", (await broker.Client.LeaseAsync(session, forged)).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAttestationsTokenEarnsNothingOfALeaseAndALeasesTokenNoResource()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string kept = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(kept, enclave.Policy(), release: false);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kept), enclave, broker.Process.Pin);
        string keyId = lease.Terms.Versions[0].KeyId;
        (string token, string session) = await broker.Client.AttestAsync(enclave, kek);

        (await broker.Client.CryptoAsync(KbsPaths.Wrap, token, keyId, [new byte[32]])).Refused(401, "TokenVerifierError");
        (await broker.Client.CryptoAsync(KbsPaths.Unwrap, token, keyId, [new byte[32]])).Refused(401, "TokenVerifierError");
        (await broker.Client.WatchAsync(token, "", 0)).Refused(401, "TokenVerifierError");
        string request = JsonSerializer.Serialize(new CertificateRequestMessage([1]), KbsJson.Default.CertificateRequestMessage);
        (await broker.Client.PostAsync(KbsPaths.Certificate, request, token: token)).Refused(401, "TokenVerifierError");

        // Nor does its session, and the cookie of a challenge is none.
        (await broker.Client.PostAsync(KbsPaths.Certificate, request, session)).Refused(401, "TokenNotFound");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", token: lease.Token)).Refused(401, "TokenVerifierError");
        (_, string other) = await broker.Client.AuthAsync();
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", other)).Refused(401, "TokenNotFound");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [new byte[32]])).Ok(KbsJson.Default.CryptoResponse);
    }

    [Fact]
    public async Task WhoCarriesEvidenceToTheBrokerCannotUseWhatItGets()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave carrier = new(TimeProvider.System);
        string kek = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(kek, enclave.Policy(), release: false);

        KbsAnswer answer = await broker.Client.LeaseAsync(enclave, kek);

        // The KEK is not released, so a token is all there is: only in the JWE, which the carrier does not open.
        LeaseResponse stolen = answer.Ok(KbsJson.Default.LeaseResponse);
        Assert.Null(stolen.Keys);
        Assert.ThrowsAny<Exception>(() => ReceivedLease.Decrypt(stolen.Token, carrier.Key));
        string keyId = ReceivedLease.Read(answer, enclave, broker.Process.Pin).Terms.Versions[0].KeyId;
        foreach (string text in (string[])[stolen.Lease, stolen.Token.Ciphertext, stolen.Token.Protected])
        {
            (await broker.Client.CryptoAsync(KbsPaths.Wrap, text, keyId, [new byte[32]])).Refused(401, "TokenVerifierError");
        }

        Assert.DoesNotContain(ReceivedLease.Read(answer, enclave, broker.Process.Pin).Token, answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("c2", "tee")]
    [InlineData("c1", "other")]
    public async Task ALeaseIsForItsClusterAndProvider(string cluster, string provider)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(kek, enclave.Policy(), release: false);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, lease.Terms.Versions[0].KeyId, [new byte[32]], cluster, provider)).Refused(403, "PolicyDeny");
    }
}
