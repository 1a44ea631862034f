using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Config;

/// <summary>Files of every kind, judged by what reads them. EncryptionConfigurations are held against an API server in tests/Cloister.Conformance.</summary>
public sealed class ConfigValidateTests : IDisposable
{
    private const string Encryption = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers: [{identity: {}}]\n";
    private const string Enclave =
        "apiVersion: cloister.dev/v1alpha1\nkind: EnclaveConfiguration\ncluster: c\nprovider: tee\nkms: { listen: \"unix:/run/kms.sock\" }\ncustody: { mode: manual }\n";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EncryptionConfiguration", Encryption, "")]
    [InlineData("EncryptionConfiguration", Encryption + "extra: 1\n", "extra: there is no such field")]
    [InlineData("EnclaveConfiguration", Enclave, "")]
    [InlineData("EnclaveConfiguration", Enclave + "kmz: {}\n", "kmz")]
    [InlineData("BrokerConfiguration", "apiVersion: cloister.dev/v1alpha1\nkind: BrokerConfiguration\nlistn: 1\n", "listn")]
    [InlineData("AppraisalPolicy", "apiVersion: cloister.dev/v1alpha1\nkind: AppraisalPolicy\nmetadata: {name: a}\nspec: {sgxx: {}}\n", "sgxx")]
    [InlineData("Pod", "apiVersion: v1\nkind: Pod\n", "no program here reads kind Pod")]
    [InlineData("", "a: [", "not YAML")]
    [InlineData("", "", "a file without a kind")]
    public async Task A_file_is_accepted_or_refused_with_reasons(string kind, string text, string reason)
    {
        await File.WriteAllTextAsync(_folder["f.yaml"], text, TestContext.Current.CancellationToken);
        CliResult result = await CliProcess.RunAsync("config", "validate", _folder["f.yaml"], "-o", "json");
        JsonNode answer = result.Json;
        Assert.Equal((kind, reason.Length == 0), ((string)answer["kind"]!, (bool)answer["accepted"]!));
        Assert.Equal(reason.Length == 0 ? ExitCode.Done : ExitCode.No, result.ExitCode);
        Assert.Contains(reason, string.Join('\n', answer["errors"]!.AsArray().Select(error => (string)error!)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_dev_writes_is_accepted_by_who_reads_it()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        string[] files = [.. Directory.GetFiles(_folder["d"], "*.yaml")];
        Assert.True(files.Length >= 2, string.Join(", ", files));
        JsonArray answers = (await CliProcess.RunAsync(["config", "validate", .. files, "-o", "json"])).MustSucceed().Json.AsArray();
        Assert.All(answers, answer => Assert.True((bool)answer!["accepted"]!, answer.ToJsonString()));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_no_answer() => (await CliProcess.RunAsync("config", "validate", _folder["none"])).MustBeRefused("none");
}
