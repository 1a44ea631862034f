using System.Net;
using System.Text.Json;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Kbs;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody who reaches the broker speaks its protocol himself, with evidence that he came by.</summary>
internal abstract class EvidenceClientAttack(string name, string has, string how) : Attack(name, Attacker.Client, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        using KbsClient client = new(broker.Url, broker.Pin);
        KbsAnswer control = await client.LeaseAsync(enclave, "secrets");
        KbsAnswer attempt = await TryAsync(client, enclave);
        return new Outcome(Of(attempt), Of(control) with { Detail = "the enclave itself gets a lease" });
    }

    protected abstract Task<KbsAnswer> TryAsync(KbsClient client, SimulatedEnclave enclave);

    private static Trial Of(KbsAnswer answer) => answer.Status == HttpStatusCode.OK
        ? Trial.Success("the broker answered with a lease")
        : Trial.Refused(JsonSerializer.Deserialize(answer.Body, KbsJson.Default.KbsError)?.Detail ?? answer.Body);
}

internal sealed class AnotherNonce() : EvidenceClientAttack(
    "evidence-for-another-nonce", "evidence that the enclave made for another challenge", "report data covers the nonce of this challenge")
{
    protected override async Task<KbsAnswer> TryAsync(KbsClient client, SimulatedEnclave enclave)
    {
        (string nonce, string session) = await client.AuthAsync();
        (string earlier, _) = await client.AuthAsync();
        return await client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(), boundNonce: earlier));
    }
}

internal sealed class AnotherKey() : EvidenceClientAttack(
    "evidence-with-another-key", "evidence of the enclave under way to the broker, and a key of his own", "the quote covers the key to which the broker encrypts")
{
    protected override async Task<KbsAnswer> TryAsync(KbsClient client, SimulatedEnclave enclave)
    {
        using SimulatedEnclave thief = new(TimeProvider.System);
        using JsonDocument key = JsonDocument.Parse(thief.Jwk);
        (string nonce, string session) = await client.AuthAsync();
        AttestRequest stolen = enclave.Answer(nonce, SimulatedEnclave.Statement()) with { RuntimeData = new AttestedRuntimeData(nonce, key.RootElement) };
        return await client.LeaseAsync(session, stolen);
    }
}

internal sealed class AnotherStatement() : EvidenceClientAttack(
    "evidence-with-another-statement", "evidence of the enclave under way to the broker, in which he names another cluster", "the quote covers what the enclave says of itself")
{
    protected override async Task<KbsAnswer> TryAsync(KbsClient client, SimulatedEnclave enclave)
    {
        (string nonce, string session) = await client.AuthAsync();
        return await client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(), boundStatement: SimulatedEnclave.Statement(cluster: "c2")));
    }
}

internal sealed class UsedChallenge() : EvidenceClientAttack(
    "challenge-used-twice", "a whole exchange of the enclave with the broker, which he sends again", "a challenge is used once")
{
    protected override async Task<KbsAnswer> TryAsync(KbsClient client, SimulatedEnclave enclave)
    {
        (string nonce, string session) = await client.AuthAsync();
        AttestRequest answer = enclave.Answer(nonce, SimulatedEnclave.Statement());
        KbsAnswer first = await client.LeaseAsync(session, answer);
        return first.Status == HttpStatusCode.OK ? await client.LeaseAsync(session, answer) : throw new InvalidOperationException(first.Body);
    }
}
