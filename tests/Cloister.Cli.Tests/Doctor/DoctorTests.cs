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
        Assert.DoesNotContain("error", States(good));
        Assert.Contains("SIMULATED", Only(good, "kms-tee", "warn"), StringComparison.Ordinal);
        Assert.Contains("values in clear are still read", Only(good, "apiserver-phase", "warn"), StringComparison.Ordinal);
        Assert.Contains("phase writers: the first provider", Only(good, "apiserver-phase", "warn"), StringComparison.Ordinal);
        Assert.Contains("1 versions", Only(good, "enclave-kek", "ok"), StringComparison.Ordinal);
        Assert.Contains("another key_id is refused", Only(good, "kms-round-trip", "ok"), StringComparison.Ordinal);
        Assert.Contains(good["checks"]!.AsArray(), check => (string)check!["id"]! == "kms-latency" && ((string)check["seen"]!).Contains("of 3000 ms", StringComparison.Ordinal));
        Assert.Contains("none on this machine", Only(good, "tee-device", "ok"), StringComparison.Ordinal);
        Assert.All(good["checks"]!.AsArray().Where(check => (string)check!["state"]! is "warn" or "error"), check => Assert.NotEqual("", (string)check!["fix"]!));
        Assert.Equal([dev.KeyId], good["node"]!["keyIds"]!.AsArray().Select(id => (string)id!));

        CliResult table = (await CliProcess.RunAsync(["doctor", .. all])).MustSucceed();
        Assert.Contains("WARN", table.Output, StringComparison.Ordinal);
        Assert.Contains("skipped etcd-coverage", table.Errors, StringComparison.Ordinal);

        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket, "--yes-wipe", (string)dev.Ready["provider"]!)).MustSucceed();
        CliResult wiped = await RunAsync(all);
        Assert.Equal(ExitCode.No, wiped.ExitCode);
        Assert.Contains("FailedPrecondition", Only(wiped.Json, "kms-status", "error"), StringComparison.Ordinal);
        Assert.Contains("none for writes", Only(wiped.Json, "enclave-kek", "error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enclaves_of_one_cluster_need_one_key_id()
    {
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"]);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"]);

        CliResult different = await RunAsync("--socket", one.KmsSocket, "--socket", two.KmsSocket);
        Assert.Equal(ExitCode.No, different.ExitCode);
        Assert.Contains(one.KeyId, Only(different.Json, "cluster-key-id", "error"), StringComparison.Ordinal);
        Assert.Contains(two.KeyId, Only(different.Json, "cluster-key-id", "error"), StringComparison.Ordinal);

        byte[] key = RandomNumberGenerator.GetBytes(32);
        foreach (DevEnclave dev in (DevEnclave[])[one, two])
        {
            (await CliProcess.RunWithInputAsync(key, "kek", "import", "--socket", dev.AdminSocket, "--name", "prod")).MustSucceed();
        }

        Only((await RunAsync("--socket", one.KmsSocket, "--socket", two.KmsSocket)).MustSucceed().Json, "cluster-key-id", "ok");
    }

    [Fact]
    public async Task A_socket_that_is_not_there_one_that_nobody_listens_on_and_one_that_all_may_open()
    {
        CliResult missing = await RunAsync("--socket", _folder["kms.sock"], "--admin-socket", _folder["admin.sock"]);
        Assert.Equal(ExitCode.No, missing.ExitCode);
        Assert.Contains("does not exist", Only(missing.Json, "socket-kms", "error"), StringComparison.Ordinal);
        Assert.Contains("does not exist", Only(missing.Json, "socket-admin", "error"), StringComparison.Ordinal);

        using (Socket left = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(_folder["left.sock"]));
            File.Move(_folder["left.sock"], _folder["kms.sock"]);
        }

        File.SetUnixFileMode(_folder["kms.sock"], (UnixFileMode)0b110_110_110);
        CliResult stale = await RunAsync("--socket", _folder["kms.sock"]);
        Assert.Equal(ExitCode.No, stale.ExitCode);
        Assert.Contains("every user may ask", Only(stale.Json, "socket-kms", "error"), StringComparison.Ordinal);
        Assert.Contains("nobody listens", Only(stale.Json, "socket-listener", "error"), StringComparison.Ordinal);
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
        Only(result.Json, "socket-kms", "ok");
        Assert.Contains("no plugin answers behind it", Only(result.Json, "kms-status", "error"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("error", "written in clear", "- identity: {}")]
    [InlineData("error", "points to /", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix:///elsewhere'}")]
    [InlineData("error", "'other'", "- kms: {apiVersion: v2, name: other, endpoint: 'unix://SOCKET'}")]
    [InlineData("error", "KMSv1=true", "- kms: {apiVersion: v1, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("error", "cachesize", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET', cachesize: 10}")]
    [InlineData("error", "timeout", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET', timeout: 0s}")]
    [InlineData("error", "earlier KMS provider", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warn", "phase readers", "- identity: {}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warn", "phase writers", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}", "- identity: {}")]
    [InlineData("ok", "phase sealed", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("warn", "provider 2", "- secretbox: {keys: [{name: k, secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}]}", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix://SOCKET'}")]
    [InlineData("ok", "no identity", "- kms: {apiVersion: v2, name: tee, endpoint: 'unix:////SOCKET'}")]
    public async Task What_an_encryption_configuration_gets_wrong(string level, string detail, params string[] providers)
    {
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [configmaps]\n  providers: [{identity: {}}]\n"
            + $"- resources: [secrets.]\n  providers:\n{string.Concat(providers.Select(provider => $"  {provider}\n"))}---\n";
        Assert.Contains(await ConfigurationFindings(text), finding => (string)finding!["state"]! == level && ((string)finding["seen"]!).Contains(detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_is_told_to_takes_KMS_v1()
    {
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
            + "  - kms: {apiVersion: v1, name: tee, endpoint: 'unix://SOCKET'}\n";
        JsonArray findings = await ConfigurationFindings(text, "--kms-v1");
        Assert.Contains(findings, finding => (string)finding!["state"]! == "warn" && ((string)finding["seen"]!).Contains("one call of the plugin", StringComparison.Ordinal));
        Assert.DoesNotContain(findings, finding => (string)finding!["state"]! == "error");
    }

    [Fact]
    public async Task A_socket_is_the_same_by_another_way_to_its_folder()
    {
        Directory.CreateSymbolicLink(_folder["other"], Path.GetDirectoryName(_folder["kms.sock"])!);
        string text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
            + $"  - kms: {{apiVersion: v2, name: tee, endpoint: 'unix://{_folder["other"]}/kms.sock'}}\n";
        Assert.Contains(await ConfigurationFindings(text), finding => (string)finding!["state"]! == "ok");
    }

    [Theory]
    [InlineData("kind: Pod\n", "not kind")]
    [InlineData("kind: [", "not YAML")]
    [InlineData("kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{identity: {}}]}]\n", "apiVersion")]
    [InlineData("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [configmaps], providers: [{identity: {}}]}]\n", "stored in clear")]
    public async Task What_is_no_configuration_for_Secrets(string text, string detail) => Assert.Contains(
        await ConfigurationFindings(text), finding => (string)finding!["state"]! == "error" && ((string)finding["seen"]!).Contains(detail, StringComparison.Ordinal));

    [Fact]
    public async Task A_file_that_cannot_be_read_is_an_error_and_the_other_checks_go_on()
    {
        CliResult result = await RunAsync("--socket", _folder["s"], "--encryption-config", _folder["none"]);
        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.Contains("none is not there", Only(result.Json, "apiserver-config", "error"), StringComparison.Ordinal);
        Assert.Contains("does not exist", Only(result.Json, "socket-kms", "error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_options_it_looks_where_packages_put_things()
    {
        CliResult result = await RunAsync("--only", "socket,kms,config-valid");
        Assert.Contains(result.ExitCode, (int[])[ExitCode.Done, ExitCode.No]);
        Assert.Equal("/run/cloister/kms.sock", (string)result.Json["checks"]!.AsArray().First(check => (string)check!["id"]! == "socket-kms")!["target"]!);
        (await RunAsync("--only", "sockt")).MustBeRefused("'sockt' is no check");
        (await RunAsync("--config", "")).MustBeRefused("is a path, not an empty text");
        JsonNode list = (await RunAsync("--list", "cluster")).MustSucceed().Json;
        Assert.All(list.AsArray(), check => Assert.Equal("cluster", (string)check!["phase"]!));
    }

    [Fact]
    public async Task JUnit_is_printed_and_written_to_a_file()
    {
        CliResult result = await CliProcess.RunAsync("doctor", "node", "--socket", _folder["s"], "--output", "junit", "--junit", _folder["doctor.xml"]);
        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.Equal(await File.ReadAllTextAsync(_folder["doctor.xml"], TestContext.Current.CancellationToken), result.Output);
        System.Xml.Linq.XElement root = System.Xml.Linq.XDocument.Parse(result.Output).Root!;
        Assert.Equal("node", (string)root.Elements("testsuite").Single().Attribute("name")!);
        Assert.Contains(root.Descendants("failure"), failure => ((string)failure.Attribute("message")!).Contains("does not exist", StringComparison.Ordinal));
    }

    private async Task<JsonArray> ConfigurationFindings(string text, params string[] more)
    {
        await File.WriteAllTextAsync(_folder["encryption.yaml"], text.Replace("SOCKET", _folder["kms.sock"], StringComparison.Ordinal), TestContext.Current.CancellationToken);
        CliResult result = await RunAsync(["--socket", _folder["kms.sock"], "--encryption-config", _folder["encryption.yaml"], "--provider-name", "tee", "--only", "apiserver", .. more]);
        return [.. result.Json["checks"]!.AsArray().Select(check => check!.DeepClone())];
    }

    private static string Only(JsonNode report, string id, string state) =>
        (string)Assert.Single(report["checks"]!.AsArray(), check => (string)check!["id"]! == id && (string)check["state"]! == state)!["seen"]!;

    private static IEnumerable<string> States(JsonNode report) => report["checks"]!.AsArray().Select(check => (string)check!["state"]!);

    private static Task<CliResult> RunAsync(params string[] arguments) => CliProcess.RunAsync(["doctor", "--output", "json", .. arguments]);
}
