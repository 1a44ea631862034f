using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The console where people sign on, as a broker is told to have it; that they do is tested with the console.</summary>
public sealed class SignOnTests
{
    private const string Good = "signOn: { listen: 127.0.0.1:0, url: https://broker.example.com:8445, issuer: ISSUER, clientId: cloister, roleClaim: groups, roles: [ { value: auditors, gives: [auditor] } ] }";

    [Fact]
    public async Task A_provider_that_is_away_keeps_neither_the_broker_from_starting_nor_administrators_out()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        string keys = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".aspnet/DataProtection-Keys");
        string[] before = FilesOf(keys);
        await using BrokerProcess broker = await folder.StartAsync(Admin("alice", alice, Good.Replace("ISSUER", "https://127.0.0.1:9/", StringComparison.Ordinal)));
        using (HttpClient http = AdminListenerTests.ClientOf(broker, alice))
        {
            Assert.Contains("alice", await http.GetStringAsync("/admin/v1/whoami", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.Contains("https://127.0.0.1:9/", await http.GetStringAsync("/admin/v1/audit", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        using HttpClientHandler anybody = new() { UseProxy = false, ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        using HttpClient browser = new(anybody) { BaseAddress = broker.ConsoleUrl };
        using HttpResponseMessage answer = await browser.GetAsync("/console/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("somebody could not sign on to the console", broker.Errors, StringComparison.Ordinal);

        // Whoever reaches it reaches nothing of administration, and what cookies are made with is in no file.
        using HttpResponseMessage api = await browser.GetAsync("/admin/v1/keks", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, api.StatusCode);
        Assert.Equal(before, FilesOf(keys));
    }

    [Theory]
    [InlineData("enable", "alice", "admin.console: expected enabled")]
    [InlineData("{ }", "alice", "admin.console.signOn: missing")]
    [InlineData("{ signOn: { listen: 127.0.0.1:0 } }", "alice", "admin.console.signOn.url: missing", "admin.console.signOn.issuer: missing", "admin.console.signOn.clientId: missing", "admin.console.signOn.roleClaim: missing", "nobody could sign on")]
    [InlineData("{ signOn: { listen: x, url: https://h/console, issuer: http://127.0.0.1/, clientId: c, roleClaim: g, sessionMinutes: 0, roles: [ { value: v, gives: [king] } ] } }", "alice", "signOn.url: expected https://HOST:PORT", "signOn.issuer: expected", "sessionMinutes: expected minutes, 1 to 720", "roles[0].gives: expected of: reader, auditor, operator, keyCustodian")]
    [InlineData("enabled", "alice at https://login.example.com/", "' at https://' in it")]
    public async Task What_is_wrong_is_said(string console, string name, params string[] expected)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        (int exit, _, string errors) = await BrokerProcess.RunAsync(
            folder.WriteConfiguration($"admin: {{ listen: 127.0.0.1:0, console: {console}, administrators: [ {{ name: \"{name}\", key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor] }} ] }}"), "--check");
        Assert.Equal(1, exit);
        Assert.All(expected, error => Assert.Contains(error, errors, StringComparison.Ordinal));
    }

    private static string Admin(string name, X509Certificate2 certificate, string console) =>
        $"admin: {{ listen: 127.0.0.1:0, console: {{ {console} }}, administrators: [ {{ name: {name}, key: \"{BrokerProcess.PinOf(certificate)}\", roles: [auditor] }} ] }}";

    private static string[] FilesOf(string folder) => Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)] : [];
}
