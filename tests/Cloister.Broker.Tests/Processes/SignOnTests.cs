using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The console where people sign on, as a broker is told to have it; that they do is tested with the console.</summary>
public sealed partial class SignOnTests
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

    [Fact]
    public async Task A_check_reads_the_files_that_a_start_reads_and_says_what_it_would_say()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        string At(string name) => Path.Combine(folder.Folder, name);
        string signOn = Good.Replace("ISSUER", "https://127.0.0.1:9/", StringComparison.Ordinal).Replace("roleClaim", $"clientSecretFile: {At("secret")}, ca: {At("login.pem")}, roleClaim", StringComparison.Ordinal);
        string path = folder.WriteConfiguration(
            $"{Admin("alice", alice, signOn)}\ntls: {{ certificate: {At("tls.crt")}, key: {At("tls.key")} }}\ntraces: {{ endpoint: \"https://127.0.0.1:9\", ca: {At("traces.pem")} }}\n"
            + $"audit: {{ checkpoints: [ {{ webhook: \"https://127.0.0.1:9/\", caFile: {At("hook.pem")} }} ] }}");

        // Nothing is there yet.
        string[] absent = await SaidAsync(path);
        Assert.Equal(5, absent.Length);
        Assert.All(
            (string[])["tls: ", "traces.ca: ", "audit.checkpoints[0].caFile: ", "admin.console.signOn.ca: ", "admin.console.signOn.clientSecretFile: "],
            field => Assert.Contains(absent, line => line.StartsWith(field, StringComparison.Ordinal)));

        // What is there is not what it should be.
        File.WriteAllText(At("secret"), "\n");
        File.WriteAllText(At("login.pem"), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
        File.WriteAllText(At("traces.pem"), "a word");
        File.WriteAllText(At("hook.pem"), alice.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(At("tls.crt"), alice.ExportCertificatePem());
        File.WriteAllText(At("tls.key"), alice.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        string wrong = string.Join('\n', await SaidAsync(path));
        Assert.All(
            (string[])["not marked for this use", "traces.pem is not PEM", "hook.pem holds a private key and no certificate", "login.pem holds something that calls itself a certificate and is none", "secret is empty"],
            reason => Assert.Contains(reason, wrong, StringComparison.Ordinal));
        Assert.False(File.Exists(At("broker.db")), "a start that is refused made a database");

        // All of it is.
        File.WriteAllText(At("secret"), "of-the-client\n");
        path = folder.WriteConfiguration(Admin("alice", alice, signOn));
        File.WriteAllText(At("login.pem"), alice.ExportCertificatePem());
        (int exit, string said, string errors) = await BrokerProcess.RunAsync(path, "--check");
        Assert.True(exit == 0, errors);
        Assert.Equal("accepted", said.Trim());
        await using BrokerProcess broker = await BrokerProcess.StartAsync(path);
    }

    // What a check says, line by line, which is what a start says.
    private static async Task<string[]> SaidAsync(string path)
    {
        (int exit, _, string check) = await BrokerProcess.RunAsync(path, "--check");
        Assert.Equal(1, exit);
        (exit, _, string start) = await BrokerProcess.RunAsync(path);
        Assert.Equal(1, exit);
        string[] lines = Lines(check);
        Assert.Equal(lines, Lines(start));
        return lines;

        // Log lines begin with a time.
        static string[] Lines(string errors) => [.. errors.Split('\n').Where(line => FieldLine().IsMatch(line))];
    }

    [GeneratedRegex("^[a-z][A-Za-z.0-9\\[\\]]+: ")]
    private static partial Regex FieldLine();

    private static string Admin(string name, X509Certificate2 certificate, string console) =>
        $"admin: {{ listen: 127.0.0.1:0, console: {{ {console} }}, administrators: [ {{ name: {name}, key: \"{BrokerProcess.PinOf(certificate)}\", roles: [auditor] }} ] }}";

    private static string[] FilesOf(string folder) => Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)] : [];
}
