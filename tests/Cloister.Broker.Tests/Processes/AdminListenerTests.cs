using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Audit;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The listener for administrators lets in who has a pinned key, and nobody else.</summary>
public sealed class AdminListenerTests
{
    [Fact]
    public async Task OnlyAPinnedKeyGetsIn()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 mallory = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        await using BrokerProcess broker = await folder.StartAsync(
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor, operator] }} ], twoPersons: [destroy] }}");

        using JsonDocument whoami = JsonDocument.Parse(await GetAsync(broker, alice));
        Assert.Equal("alice", whoami.RootElement.GetProperty("name").GetString());
        Assert.Equal(broker.Authority, whoami.RootElement.GetProperty("authority").GetString());
        Assert.Equal(broker.Pin, whoami.RootElement.GetProperty("pin").GetString());
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(broker, mallory));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(broker, null));

        // Nor are its routes on the listener for enclaves.
        using KbsClient client = new(broker.Url, broker.Pin);
        (await client.GetAsync("/admin/v1/whoami")).Refused(404, "InvalidRequestPath");
    }

    [Fact]
    public async Task TheKeyOfThisMomentIsShownAfterARotation()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        string admin = $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor] }} ], twoPersons: [destroy] }}";
        await using BrokerProcess broker = await folder.StartAsync(admin);
        using HttpClient http = ClientOf(broker, alice);
        Assert.Equal(broker.Pin, await PinAsync(http));

        (int exit, string output, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(admin), "--rotate", "authority");
        Assert.True(exit == 0, errors);
        string pin = output.Split(' ')[3].TrimEnd(':');
        for (long until = Environment.TickCount64 + (long)BrokerProcess.Timeout.TotalMilliseconds; await PinAsync(http) != pin;)
        {
            Assert.True(Environment.TickCount64 < until, broker.Errors);
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }

        // And an export says by the same key who signs checkpoints.
        string[] lines = (await http.GetStringAsync("/admin/v1/audit", TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        AuditVerdict verdict = AuditLines.Verify(lines, pin, 1);
        Assert.True(verdict.IsGood, verdict.Problem);
    }

    [Fact]
    public async Task ActsThatDecideWhoGetsAKekTakeTwoWhereThereAreTwo()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 bob = BrokerProcess.NewCertificate("bob");
        using X509Certificate2 second = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        string keys = $"keys: [\"{BrokerProcess.PinOf(alice)}\", \"{BrokerProcess.PinOf(second)}\"]";
        await using BrokerProcess broker = await folder.StartAsync(
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, {keys}, roles: [operator, keyCustodian] }}, {{ name: bob, key: \"{BrokerProcess.PinOf(bob)}\", roles: [keyCustodian] }} ] }}");

        // One operator with two keys is one person; custodians there are two.
        foreach (X509Certificate2 certificate in (X509Certificate2[])[alice, second])
        {
            using JsonDocument whoami = JsonDocument.Parse(await GetAsync(broker, certificate));
            Assert.Equal("alice", whoami.RootElement.GetProperty("name").GetString());
            Assert.Equal(["cancelDestroy", "destroy", "enable", "export", "restore"], Texts(whoami, "twoPersons"));
            Assert.Equal(["liftRevocation", "setKekPolicy", "setPolicy"], Texts(whoami, "onePerson"));
        }

        Assert.Contains("ONE ADMINISTRATOR ALONE CAN: liftRevocation, setKekPolicy, setPolicy.", broker.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ name: alice, key: PIN1, roles: [operator] }, { name: Alice, key: PIN2, roles: [operator] }", "two have the same name")]
    [InlineData("{ name: alice, keys: [PIN1, PIN2], roles: [operator] }, { name: bob, key: PIN2, roles: [operator] }", "two have the same key")]
    [InlineData("{ name: \"alice \", key: PIN1, roles: [operator] }", "nor begin or end with a space")]
    [InlineData("{ name: alice, keys: [], roles: [operator] }", "expected a list of one or more")]
    public async Task TwoPersonsAreNotOne(string administrators, string error)
    {
        using X509Certificate2 one = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 two = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        string list = administrators.Replace("PIN1", $"\"{BrokerProcess.PinOf(one)}\"", StringComparison.Ordinal).Replace("PIN2", $"\"{BrokerProcess.PinOf(two)}\"", StringComparison.Ordinal);
        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration($"admin: {{ listen: 127.0.0.1:0, administrators: [ {list} ] }}"));
        Assert.Equal(1, exitCode);
        Assert.Contains(error, errors, StringComparison.Ordinal);
    }

    /// <summary>An administrator's connection to a broker.</summary>
    internal static HttpClient ClientOf(BrokerProcess broker, X509Certificate2? certificate)
    {
        SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == broker.Pin);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!;
        return new HttpClient(handler) { BaseAddress = broker.AdminUrl, Timeout = BrokerProcess.Timeout };
    }

    private static IEnumerable<string?> Texts(JsonDocument document, string name) => document.RootElement.GetProperty(name).EnumerateArray().Select(item => item.GetString());

    private static async Task<string?> PinAsync(HttpClient http)
    {
        using JsonDocument whoami = JsonDocument.Parse(await http.GetStringAsync("/admin/v1/whoami", TestContext.Current.CancellationToken));
        return whoami.RootElement.GetProperty("pin").GetString();
    }

    private static async Task<string> GetAsync(BrokerProcess broker, X509Certificate2? certificate)
    {
        using HttpClient http = ClientOf(broker, certificate);
        return await http.GetStringAsync("/admin/v1/whoami", TestContext.Current.CancellationToken);
    }
}
