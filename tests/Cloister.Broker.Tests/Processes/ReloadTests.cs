using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Audit;

namespace Cloister.Broker.Tests.Processes;

/// <summary>SIGHUP: administrators come and go while a broker runs.</summary>
public sealed class ReloadTests
{
    [Fact]
    public async Task AdministratorsAreReplacedAndWhatWasConfiguredIsAudited()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 bob = BrokerProcess.NewCertificate("bob");
        using BrokerFolder folder = new();
        string Configuration(string name, X509Certificate2 who) =>
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: {name}, key: \"{BrokerProcess.PinOf(who)}\", roles: [operator] }} ] }}";
        await using BrokerProcess broker = await folder.StartAsync(Configuration("alice", alice));
        using HttpClient open = AdminListenerTests.ClientOf(broker, alice);
        using HttpClient other = AdminListenerTests.ClientOf(broker, bob);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(open));
        await Assert.ThrowsAsync<HttpRequestException>(() => StatusAsync(other));

        folder.WriteConfiguration(Configuration("bob", bob));
        await broker.ReloadAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(open));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(other));

        // What cannot be read changes nothing.
        folder.WriteConfiguration("admin: { listen: nowhere }");
        await broker.ReloadAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(other));

        await using OtherBroker admin = await folder.OpenAsync(broker);
        AuditEntry[] entries = [.. await admin.AuditAsync()];
        JsonNode started = JsonNode.Parse(entries.Single(entry => entry.Kind == "broker.started").Details)!;
        JsonNode[] reloaded = [.. entries.Where(entry => entry.Kind == "broker.reloaded").Select(entry => JsonNode.Parse(entry.Details)!)];
        Assert.Equal(("alice", BrokerProcess.PinOf(alice)), ((string?)started["administrators"]![0]!["name"], (string?)started["administrators"]![0]!["key"]));
        Assert.Equal(["done", "refused"], reloaded.Select(entry => (string?)entry["result"]));
        Assert.Equal((string?)started["configuration"], (string?)reloaded[0]["oldDigest"]);
        Assert.Equal((string?)reloaded[0]["newDigest"], (string?)reloaded[1]["oldDigest"]);
        Assert.Equal("bob", (string?)reloaded[0]["administrators"]![0]!["name"]);
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client)
    {
        using HttpResponseMessage answer = await client.GetAsync("/admin/v1/whoami", TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
