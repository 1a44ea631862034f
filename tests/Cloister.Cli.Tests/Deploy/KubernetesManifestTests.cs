using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

/// <summary>The manifests, judged by Kubernetes' own types (tests/manifests, built by eng/apiserver-harness).</summary>
public sealed class KubernetesManifestTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Manifests_are_what_Kubernetes_reads()
    {
        string checker = await CheckerAsync();
        string[] files = ["cloister-enclave.yaml", "cloister-enclave-sgx.yaml", "encryption.yaml"];
        CliResult result = await DeployFiles.RunAsync(checker, files.Select(file => DeployFiles.File("kubernetes", file)));
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(files.Length, result.Output.Split('\n').Count(line => line.StartsWith("ok ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("cloister-enclave.yaml", "hostNetwork: true", "hostNetworks: true", "unknown field")]
    [InlineData("cloister-enclave.yaml", "periodSeconds: 5", "periodSeconds: five", "")]
    [InlineData("cloister-enclave.yaml", "{name: sockets, mountPath", "{name: socket, mountPath", "no volume")]
    [InlineData("encryption.yaml", "unix:///run", "tcp:///run", "endpoint")]
    [InlineData("encryption.yaml", "apiVersion: v2", "apiVersion: v3", "apiVersion")]
    public async Task The_same_check_refuses_what_is_wrong(string file, string right, string wrong, string because)
    {
        string checker = await CheckerAsync();
        string text = await File.ReadAllTextAsync(DeployFiles.File("kubernetes", file), TestContext.Current.CancellationToken);
        Assert.Contains(right, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_folder["m.yaml"], text.Replace(right, wrong, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        CliResult result = await DeployFiles.RunAsync(checker, _folder["m.yaml"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(because, result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_patch_changes_the_probes_of_an_API_server_and_nothing_else()
    {
        string checker = await CheckerAsync();
        const string Before = """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"kube-apiserver","namespace":"kube-system"},"spec":{"hostNetwork":true,"containers":[{"name":"kube-apiserver",
            "command":["kube-apiserver","--encryption-provider-config=/etc/kubernetes/cloister/encryption.yaml"],"image":"kube-apiserver:v1",
            "livenessProbe":{"failureThreshold":8,"httpGet":{"host":"10.0.0.1","path":"/livez","port":6443,"scheme":"HTTPS"}},
            "readinessProbe":{"failureThreshold":3,"httpGet":{"host":"10.0.0.1","path":"/readyz","port":6443,"scheme":"HTTPS"}},
            "startupProbe":{"failureThreshold":24,"httpGet":{"host":"10.0.0.1","path":"/livez","port":6443,"scheme":"HTTPS"}}}]}}
            """;
        await File.WriteAllTextAsync(_folder["pod.json"], Before, TestContext.Current.CancellationToken);
        CliResult result = await DeployFiles.RunAsync(checker, "--patch", _folder["pod.json"], DeployFiles.File("kubernetes", "patches", "kube-apiserver+strategic.yaml"));
        Assert.True(result.ExitCode == 0, result.ToString());

        JsonNode expected = JsonNode.Parse(Before)!;
        foreach (string probe in (string[])["livenessProbe", "startupProbe"])
        {
            expected["spec"]!["containers"]![0]![probe]!["httpGet"]!["path"] = "/livez?exclude=kms-providers";
        }

        Assert.True(JsonNode.DeepEquals(expected, result.Json), result.Output);
    }

    [Fact]
    public async Task The_encryption_configuration_is_what_the_command_prints()
    {
        CliResult printed = (await CliProcess.RunAsync("config", "encryption-provider", "--socket", "/run/cloister/kms.sock", "--provider-name", "tee")).MustSucceed();
        IEnumerable<string> lines = (await File.ReadAllLinesAsync(DeployFiles.File("kubernetes", "encryption.yaml"), TestContext.Current.CancellationToken))
            .Where(line => !line.TrimStart().StartsWith('#'));
        Assert.Equal(printed.Output.TrimEnd(), string.Join('\n', lines).TrimEnd());
    }

    private static async Task<string> CheckerAsync()
    {
        CliResult harness = await DeployFiles.RunAsync(Path.Combine(Programs.RepositoryRoot, "eng", "apiserver-harness"));
        Assert.SkipWhen(harness.ExitCode == 77, $"Kubernetes' types are not to be had here: {harness.Errors.Trim()}");
        Assert.True(harness.ExitCode == 0, harness.ToString());
        return Path.Combine(harness.Output.TrimEnd().Split('\n')[^1], "bin", "manifests");
    }
}
