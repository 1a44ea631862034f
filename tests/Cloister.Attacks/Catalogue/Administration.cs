using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody acts on a broker's administration: one broker with administrators alice (custodian, operator), bob (custodian) and carol (auditor).</summary>
internal abstract class AdministrationAttack(string name, Attacker attacker, string has, string how) : Attack(name, attacker, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 bob = BrokerProcess.NewCertificate("bob");
        using X509Certificate2 carol = BrokerProcess.NewCertificate("carol");
        using X509Certificate2 mallory = BrokerProcess.NewCertificate("mallory");
        BrokerFolder folder = ground.Add(new BrokerFolder());
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync($$"""
            admin:
              listen: 127.0.0.1:0
              administrators:
                - { name: alice, key: "{{BrokerProcess.PinOf(alice)}}", roles: [keyCustodian, operator] }
                - { name: bob, key: "{{BrokerProcess.PinOf(bob)}}", roles: [keyCustodian] }
                - { name: carol, key: "{{BrokerProcess.PinOf(carol)}}", roles: [auditor] }
              twoPersons: [destroy, export]
              console: enabled
            """));
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        return await TryAsync(new Administrators(broker, alice, bob, carol, mallory), ground.Stop);
    }

    protected abstract Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop);

    /// <summary>A connection to a broker's administration.</summary>
    internal static HttpClient ClientOf(BrokerProcess broker, X509Certificate2? who)
    {
        SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == broker.Pin);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => who!;
        return new HttpClient(handler) { BaseAddress = broker.AdminUrl };
    }

    protected sealed record Administrators(BrokerProcess Broker, X509Certificate2 Alice, X509Certificate2 Bob, X509Certificate2 Carol, X509Certificate2 Mallory)
    {
        public HttpClient As(X509Certificate2? who) => ClientOf(Broker, who);

        public async Task<Trial> RevokeAsync(X509Certificate2? who, CancellationToken stop)
        {
            try
            {
                using HttpClient http = As(who);
                using HttpResponseMessage answer = await http.PostAsJsonAsync("/admin/v1/revocations", new { kind = "kek", value = "secrets", reason = "an attack" }, stop);
                return answer.IsSuccessStatusCode ? Trial.Success("revoked") : Trial.Refused($"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(stop)}");
            }
            catch (HttpRequestException)
            {
                return Trial.Refused("no connection");
            }
        }
    }
}

internal sealed class UnknownAdministrator() : AdministrationAttack(
    "administration-with-an-unknown-key", Attacker.Client, "the broker's administration port, and a certificate that says alice", "an administrator is a pinned key, whatever a certificate says")
{
    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop) =>
        new(await administrators.RevokeAsync(administrators.Mallory, stop), await administrators.RevokeAsync(administrators.Alice, stop) with { Detail = "alice's key may" });
}

internal sealed class AnonymousAdministrator() : AdministrationAttack(
    "administration-without-certificate", Attacker.Client, "the broker's administration port", "no client is answered without a certificate")
{
    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop) =>
        new(await administrators.RevokeAsync(null, stop), await administrators.RevokeAsync(administrators.Alice, stop) with { Detail = "alice's key may" });
}

internal sealed class AuditorRevokes() : AdministrationAttack(
    "auditor-revokes", Attacker.Insider, "the role of an auditor", "each act needs its role")
{
    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop) =>
        new(await administrators.RevokeAsync(administrators.Carol, stop), await administrators.RevokeAsync(administrators.Alice, stop) with { Detail = "an operator may" });
}

internal sealed class ExportAlone() : AdministrationAttack(
    "kek-exported-by-one-person", Attacker.Insider, "the role of a key custodian", "export needs a second administrator: the first call leaves a request")
{
    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop)
    {
        using HttpClient alice = administrators.As(administrators.Alice);
        using HttpClient bob = administrators.As(administrators.Bob);
        using ShareKeepers keepers = new(3);
        const string path = "/admin/v1/keks/secrets/versions/1/export";
        using HttpResponseMessage first = await alice.PostAsJsonAsync(path, new { threshold = 2, keepers = keepers.Keys }, stop);
        string request = (await first.Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonObject>(stop))!["id"]!.GetValue<string>();
        using HttpResponseMessage again = await alice.PostAsJsonAsync(path, new { threshold = 2, keepers = keepers.Keys, approve = request }, stop);
        string refusal = await again.Content.ReadAsStringAsync(stop);
        using HttpResponseMessage second = await bob.PostAsJsonAsync(path, new { threshold = 2, keepers = keepers.Keys, approve = request }, stop);
        return new Outcome(
            first.StatusCode == HttpStatusCode.Accepted && !again.IsSuccessStatusCode ? Trial.Refused($"a request first; approved by who asked: {(int)again.StatusCode} {refusal}") : Trial.Success("exported alone"),
            second.IsSuccessStatusCode ? Trial.Success("approved by another custodian, the shares are handed out") : Trial.Refused(await second.Content.ReadAsStringAsync(stop)));
    }
}
