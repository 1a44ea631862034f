using System.Net;
using Cloister.Attestation;
using Cloister.Audit;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The part of the protocol that KBS clients speak, against the real program.</summary>
public sealed class KbsFlowTests(SharedBroker shared)
{
    [Theory]
    [InlineData(Tee.Sgx)]
    [InlineData(Tee.Tdx)]
    public async Task AnAttestedSessionGetsTheKekWithItsCookieAndWithItsToken(Tee tee)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System, tee);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync(enclave.TeeName);
        KbsAnswer attested = await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource)));
        string token = attested.Ok(KbsJson.Default.TokenResponse).Token;

        byte[] byCookie = ReceivedLease.Decrypt((await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", session)).Ok(KbsJson.Default.FlattenedJwe), enclave.Key);
        byte[] byToken = ReceivedLease.Decrypt((await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", token: token)).Ok(KbsJson.Default.FlattenedJwe), enclave.Key);

        Assert.Equal(32, byCookie.Length);
        Assert.Equal(byCookie, byToken);
        Assert.Contains("kbs-session-id=", attested.Cookie, StringComparison.Ordinal);
        List<AuditEntry> audit = await broker.Admin.AuditAsync();
        Assert.Contains(audit, entry => entry.Kind == "challenge.used");
        Assert.Contains(audit, entry => entry.Kind == "evidence.accepted" && entry.Details.Contains(enclave.Instance, StringComparison.Ordinal));
        Assert.Equal(2, audit.Count(entry => entry.Kind == "kek.released" && entry.Details.Contains(enclave.Instance, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task AGuestWithoutAStatementIsJudgedByEveryPolicyAndGetsOnlyTheKeksOfThoseThatAccept()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave guest = new(TimeProvider.System);
        using SimulatedEnclave other = new(TimeProvider.System);
        string own = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(own, guest.Policy(configDigests: "any"));
        string foreign = await broker.NewKekAsync(other);
        string secondOwn = await broker.NewKekAsync(guest); // its policy asks for a configuration, which a guest has none of
        (string nonce, string session) = await broker.Client.AuthAsync();
        (await broker.Client.AttestAsync(session, guest.Answer(nonce, ""))).Ok(KbsJson.Default.TokenResponse);

        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{own}", session)).Ok(KbsJson.Default.FlattenedJwe);
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{foreign}", session)).Refused(401, "PolicyDeny");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{secondOwn}", session)).Refused(401, "PolicyDeny");
    }

    [Fact]
    public async Task EvidenceThatNamesAKekIsForThatOneAlone()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string other = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(other, enclave.Policy());
        await broker.Admin.SetKekPolicyAsync(other, kek);
        (string token, string session) = await broker.Client.AttestAsync(enclave, kek);

        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", token: token)).Ok(KbsJson.Default.FlattenedJwe);
        Assert.Contains("names another KEK", (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{other}", token: token)).Refused(401, "PolicyDeny"), StringComparison.Ordinal);
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{other}", session)).Refused(401, "PolicyDeny");
        (token, _) = await broker.Client.AttestAsync(enclave, other);
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{other}", token: token)).Ok(KbsJson.Default.FlattenedJwe);
    }

    [Fact]
    public async Task APolicyThatWasChangedAsksForNewEvidence()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();
        (await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource)))).Ok(KbsJson.Default.TokenResponse);
        await broker.Admin.SetPolicyAsync(kek, enclave.Policy(duration: "5m"));

        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", session)).Refused(401, "PolicyDeny");
    }

    [Fact]
    public async Task ErrorsOfKbsRoutesAre401And404Alone()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kept = await broker.NewKekAsync(enclave, release: false);
        (string nonce, string session) = await broker.Client.AuthAsync();
        string token = (await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kept, purpose: StatementPurpose.Resource)))).Ok(KbsJson.Default.TokenResponse).Token;

        (await broker.Client.PostAsync(KbsPaths.Auth, "{}")).Refused(401, "BadRequest");
        (await broker.Client.PostAsync(KbsPaths.Auth, """{"version":"0.3.0","tee":"sgx","extra-params":""}""")).Refused(401, "BadRequest");
        (await broker.Client.PostAsync(KbsPaths.Auth, """{"version":"0.4.0","tee":"sample","extra-params":""}""")).Refused(401, "BadRequest");
        (await broker.Client.PostAsync(KbsPaths.Auth, """{"version":"0.4.0","version":"0.4.0","tee":"sgx","extra-params":""}""")).Refused(401, "BadRequest");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kept}")).Refused(401, "TokenNotFound");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kept}", token: "a.b.c")).Refused(401, "TokenVerifierError");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kept}", token: token)).Refused(401, "PolicyDeny");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c2/kek/{kept}", token: token)).Refused(401, "KekNotFound");
        (await broker.Client.GetAsync("/kbs/v0/resource/c1/kek/none", token: token)).Refused(401, "KekNotFound");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/secret/{kept}", token: token)).Refused(401, "KekNotFound");
        (await broker.Client.GetAsync("/kbs/v0/other")).Refused(404, "InvalidRequestPath");
        (await broker.Client.GetAsync(KbsPaths.Auth)).Refused(404, "InvalidRequestPath");
    }

    [Fact]
    public async Task InitDataIsRefusedAsLongAsNoPolicyHasARuleForIt()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();
        AttestRequest request = enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource)) with { InitData = new InitData("toml", "version = \"0.1.0\"") };

        Assert.StartsWith("init_data", (await broker.Client.AttestAsync(session, request)).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HealthAndMetricsAnswer()
    {
        RunningPair broker = await shared.GetAsync();
        await broker.Client.AuthAsync();

        KbsAnswer health = await broker.Client.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, health.Status);
        Assert.Contains("cloister_broker_answers_total{route=\"/kbs/v0/auth\",result=\"ok\"} ", (await broker.Client.GetAsync("/metrics")).Body, StringComparison.Ordinal);
    }
}
