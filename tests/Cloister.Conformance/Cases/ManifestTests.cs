using System.Text.Json.Nodes;
using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Cases;

/// <summary>The manifests of deploy/kubernetes, judged by Kubernetes' own types and validation (tests/manifests).</summary>
public sealed class ManifestTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Manifests_are_what_Kubernetes_reads()
    {
        // Of the broker's, each document.
        string[] files = [.. ((string[])["cloister-enclave.yaml", "cloister-enclave-sgx.yaml", "encryption.yaml"]).Select(file => Manifest(file)), .. Directory.GetFiles(Manifest("broker"), "*.yaml")];
        int documents = (await Task.WhenAll(files.Select(file => File.ReadAllTextAsync(file, Cancellation)))).Sum(text => text.Split('\n').Count(line => line.StartsWith("kind: ", StringComparison.Ordinal)));
        Assert.Equal(3 + 7, documents);
        CommandResult result = await CheckAsync(files);
        Assert.Equal(documents, result.EnsureSuccess().Split('\n').Count(line => line.StartsWith("ok ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("cloister-enclave.yaml", "hostNetwork: true", "hostNetworks: true", "unknown field")]
    [InlineData("cloister-enclave.yaml", "periodSeconds: 5", "periodSeconds: five", "")]
    [InlineData("cloister-enclave.yaml", "{name: sockets, mountPath", "{name: socket, mountPath", "no volume")]
    [InlineData("broker/statefulset.yaml", "fsGroup: 65532", "fsGroups: 65532", "unknown field")]
    [InlineData("broker/statefulset.yaml", "{name: data, mountPath", "{name: date, mountPath", "no volume")]
    [InlineData("broker/statefulset.yaml", "    matchLabels:\n      app.kubernetes.io/name: cloister-broker\n", "    matchLabels:\n      app.kubernetes.io/name: broker\n", "does not match the labels")]
    [InlineData("broker/networkpolicy.yaml", "protocol: TCP", "protocols: TCP", "unknown field")]
    [InlineData("encryption.yaml", "unix:///run", "tcp:///run", "endpoint")]
    [InlineData("encryption.yaml", "apiVersion: v2", "apiVersion: v3", "apiVersion")]
    public async Task The_same_check_refuses_what_is_wrong(string file, string right, string wrong, string because)
    {
        string text = await File.ReadAllTextAsync(Manifest(file), Cancellation);
        Assert.Contains(right, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_file, text.Replace(right, wrong, StringComparison.Ordinal), Cancellation);
        CommandResult result = await CheckAsync([_file]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(because, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_patch_changes_the_probes_of_an_API_server_and_nothing_else()
    {
        const string Before = """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"kube-apiserver","namespace":"kube-system"},"spec":{"hostNetwork":true,"containers":[{"name":"kube-apiserver",
            "command":["kube-apiserver","--encryption-provider-config=/etc/kubernetes/cloister/encryption.yaml"],"image":"kube-apiserver:v1",
            "livenessProbe":{"failureThreshold":8,"httpGet":{"host":"10.0.0.1","path":"/livez","port":6443,"scheme":"HTTPS"}},
            "readinessProbe":{"failureThreshold":3,"httpGet":{"host":"10.0.0.1","path":"/readyz","port":6443,"scheme":"HTTPS"}},
            "startupProbe":{"failureThreshold":24,"httpGet":{"host":"10.0.0.1","path":"/livez","port":6443,"scheme":"HTTPS"}}}]}}
            """;
        await File.WriteAllTextAsync(_file, Before, Cancellation);
        CommandResult result = await CheckAsync(["--patch", _file, Manifest("patches", "kube-apiserver+strategic.yaml")]);

        JsonNode expected = JsonNode.Parse(Before)!;
        foreach (string probe in (string[])["livenessProbe", "startupProbe"])
        {
            expected["spec"]!["containers"]![0]![probe]!["httpGet"]!["path"] = "/livez?exclude=kms-providers";
        }

        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(result.EnsureSuccess())), result.Output);
    }

    private static string Manifest(params string[] parts) => Repository.PathOf(["deploy", "kubernetes", .. parts]);

    private static async Task<CommandResult> CheckAsync(IEnumerable<string> arguments) =>
        await Command.RunAsync((await HarnessPrograms.GetAsync()).PathOf("manifests"), arguments, Cancellation);
}
