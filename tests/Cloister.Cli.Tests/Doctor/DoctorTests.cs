using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Doctor;

public sealed class DoctorTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_good_installation_has_warnings_at_most_and_then_a_wiped_one_has_errors()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        string[] all = ["--socket", dev.KmsSocket, "--admin-socket", dev.AdminSocket, "--encryption-config", (string)dev.Ready["encryptionConfiguration"]!];

        JsonNode good = (await RunAsync(all)).MustSucceed().Json;
        Assert.True((bool)good["ok"]!);
        Assert.DoesNotContain("error", Levels(good));
        Assert.Contains("SIMULATED", Only(good, "status", "warning"), StringComparison.Ordinal);
        Assert.Contains("values in clear are still read", Only(good, "encryption configuration", "warning"), StringComparison.Ordinal);
        Assert.Contains("phase writers: the first provider", Only(good, "encryption configuration", "warning"), StringComparison.Ordinal);
        Assert.Contains("1 versions", Only(good, "KEK", "ok"), StringComparison.Ordinal);
        Assert.All(good["findings"]!.AsArray().Where(finding => (string)finding!["level"]! != "ok"), finding => Assert.NotEqual("", (string)finding!["fix"]!));

        CliResult table = (await CliProcess.RunAsync(["doctor", .. all])).MustSucceed();
        Assert.Contains("WARNING", table.Output, StringComparison.Ordinal);

        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket, "--yes-wipe", (string)dev.Ready["provider"]!)).MustSucceed();
        CliResult wiped = await RunAsync(all);
        Assert.Equal(ExitCode.No, wiped.ExitCode);
        Assert.Contains("FailedPrecondition", Only(wiped.Json, "status", "error"), StringComparison.Ordinal);
        Assert.Contains("none for writes", Only(wiped.Json, "KEK", "error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enclaves_of_one_cluster_need_one_key_id()
    {
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"]);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"]);

        CliResult different = await RunAsync("--socket", one.KmsSocket, "--socket", two.KmsSocket);
        Assert.Equal(ExitCode.No, different.ExitCode);
        Assert.Contains(one.KeyId, Only(different.Json, "key_id", "error"), StringComparison.Ordinal);
        Assert.Contains(two.KeyId, Only(different.Json, "key_id", "error"), StringComparison.Ordinal);

        byte[] key = RandomNumberGenerator.GetBytes(32);
        foreach (DevEnclave dev in (DevEnclave[])[one, two])
        {
            (await CliProcess.RunWithInputAsync(key, "kek", "import", "--socket", dev.AdminSocket, "--name", "prod")).MustSucceed();
        }

        Only((await RunAsync("--socket", one.KmsSocket, "--socket", two.KmsSocket)).MustSucceed().Json, "key_id", "ok");
    }

    [Fact]
    public async Task A_socket_that_is_not_there_one_that_nobody_listens_on_and_one_that_all_may_open()
    {
        CliResult missing = await RunAsync("--socket", _folder["kms.sock"], "--admin-socket", _folder["admin.sock"]);
        Assert.Equal(ExitCode.No, missing.ExitCode);
        Assert.Contains("does not exist", Only(missing.Json, "socket", "error"), StringComparison.Ordinal);
        Assert.Contains("does not exist", Only(missing.Json, "admin", "error"), StringComparison.Ordinal);

        using (Socket left = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(_folder["left.sock"]));
            File.Move(_folder["left.sock"], _folder["kms.sock"]);
        }

        File.SetUnixFileMode(_folder["kms.sock"], (UnixFileMode)0b110_110_110);
        CliResult stale = await RunAsync("--socket", _folder["kms.sock"]);
        Assert.Equal(ExitCode.No, stale.ExitCode);
        Assert.Contains("every user may ask", Only(stale.Json, "socket", "error"), StringComparison.Ordinal);
        Assert.Contains("nobody listens", Only(stale.Json, "listener", "error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relay_without_an_enclave_behind_it()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        taken.Stop();
        await using CliProcess relay = CliProcess.Start("relay", "--listen", $"unix:{_folder["kms.sock"]}", "--target", $"127.0.0.1:{port}");
        await relay.ReadLineAsync();

        CliResult result = await RunAsync("--socket", _folder["kms.sock"]);
        Assert.Equal(ExitCode.No, result.ExitCode);
        Only(result.Json, "socket", "ok");
        Assert.Contains("no plugin answers behind it", Only(result.Json, "status", "error"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("error", "written in clear", "- identity: {}")]
    [InlineData("error", "points to the sockets", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix:///elsewhere'}")]
    [InlineData("error", "'other'", "- kms: {apiVersion: v2, name: other, endpoint: 'unix://SOCKET'}")]
    [InlineData("error", "KMSv1=true", "- kms: {apiVersion: v1, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("error", "cachesize", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET', cachesize: 10}")]
    [InlineData("error", "timeout", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET', timeout: 0s}")]
    [InlineData("error", "earlier KMS provider", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warning", "phase readers", "- identity: {}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warning", "phase writers", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}", "- identity: {}")]
    [InlineData("ok", "phase sealed", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warning", "provider 2", "- secretbox: {keys: [{name: k, secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}]}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("ok", "no identity", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix:////SOCKET'}")]
    public async Task What_an_encryption_configuration_gets_wrong(string level, string detail, params string[] providers)
    {
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [configmaps]\n  providers: [{identity: {}}]\n"
            + $"- resources: [secrets.]\n  providers:\n{string.Concat(providers.Select(provider => $"  {provider}\n"))}---\n";
        Assert.Contains(await ConfigurationFindings(text), finding => (string)finding!["level"]! == level && ((string)finding["detail"]!).Contains(detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_is_told_to_takes_KMS_v1()
    {
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
            + "  - kms: {apiVersion: v1, name: tee, endpoint: 'unix://SOCKET'}\n";
        JsonArray findings = await ConfigurationFindings(text, "--kms-v1");
        Assert.Contains(findings, finding => (string)finding!["level"]! == "warning" && ((string)finding["detail"]!).Contains("one call of the plugin", StringComparison.Ordinal));
        Assert.DoesNotContain(findings, finding => (string)finding!["level"]! == "error");
    }

    [Fact]
    public async Task A_socket_is_the_same_by_another_way_to_its_folder()
    {
        Directory.CreateSymbolicLink(_folder["other"], Path.GetDirectoryName(_folder["kms.sock"])!);
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
            + $"  - kms: {{apiVersion: v2, name: tee, endpoint: 'unix://{_folder["other"]}/kms.sock'}}\n";
        Assert.Contains(await ConfigurationFindings(text), finding => (string)finding!["level"]! == "ok");
    }

    [Theory]
    [InlineData("kind: Pod\n", "not kind")]
    [InlineData("kind: [", "not YAML")]
    [InlineData("kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{identity: {}}]}]\n", "apiVersion")]
    [InlineData("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [configmaps], providers: [{identity: {}}]}]\n", "stored in clear")]
    public async Task What_is_no_configuration_for_Secrets(string text, string detail) => Assert.Contains(
        await ConfigurationFindings(text), finding => (string)finding!["level"]! == "error" && ((string)finding["detail"]!).Contains(detail, StringComparison.Ordinal));

    [Fact]
    public async Task A_file_that_cannot_be_read_is_no_answer() =>
        (await CliProcess.RunAsync("doctor", "--socket", _folder["s"], "--encryption-config", _folder["none"])).MustBeRefused("none");

    private async Task<JsonArray> ConfigurationFindings(string text, params string[] more)
    {
        await File.WriteAllTextAsync(_folder["encryption.yaml"], text.Replace("SOCKET", _folder["kms.sock"], StringComparison.Ordinal), TestContext.Current.CancellationToken);
        CliResult result = await RunAsync(["--socket", _folder["kms.sock"], "--encryption-config", _folder["encryption.yaml"], "--provider-name", "tee", .. more]);
        return [.. result.Json["findings"]!.AsArray().Where(finding => (string)finding!["check"]! == "encryption configuration").Select(finding => finding!.DeepClone())];
    }

    private static string Only(JsonNode report, string check, string level) =>
        (string)Assert.Single(report["findings"]!.AsArray(), finding => (string)finding!["check"]! == check && (string)finding["level"]! == level)!["detail"]!;

    private static IEnumerable<string> Levels(JsonNode report) => report["findings"]!.AsArray().Select(finding => (string)finding!["level"]!);

    private static Task<CliResult> RunAsync(params string[] arguments) => CliProcess.RunAsync(["doctor", "--output", "json", .. arguments]);
}
