using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Demo;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>A Secret that real API-server code wrote, with every provider that Kubernetes has, and what coverage calls it.</summary>
public sealed class ProviderCoverageTests : IDisposable
{
    private const string Password = "correct horse battery staple";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("identity", "plaintext-protobuf", null)]
    [InlineData("aescbc", "aescbc", "key1")]
    [InlineData("aesgcm", "aesgcm", "key1")]
    [InlineData("secretbox", "secretbox", "key1")]
    public async Task With_keys_in_a_file_or_none(string provider, string kind, string? key)
    {
        string settings = key is null ? "{}" : $"{{keys: [{{name: {key}, secret: {Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))}}}]}}";
        (CliResult result, JsonNode stored) = await WriteAsync($"{provider}: {settings}", []);
        Assert.Equal(key is null ? ExitCode.No : ExitCode.Done, result.ExitCode);
        Assert.Equal((kind, key), ((string)stored["kind"]!, (string?)stored["provider"]));
        Assert.Null(stored["kek"]);
    }

    [Theory]
    [InlineData("v1", "kms-v1")]
    [InlineData("v2", "kms-v2")]
    public async Task With_a_KMS_provider(string version, string kind)
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (CliResult result, JsonNode stored) = await WriteAsync(
            $"kms: {{apiVersion: {version}, name: tee, endpoint: \"unix://{dev.KmsSocket}\", timeout: 10s}}",
            ["--secrets-socket", (string)dev.Ready["secretsSocket"]!, "--admin-socket", dev.AdminSocket, "--verify"]);
        Assert.Equal(ExitCode.Done, result.ExitCode);
        Assert.Equal((kind, "tee", dev.KeyId), ((string)stored["kind"]!, (string)stored["provider"]!, $"cl1-{(string)stored["kek"]!}"));
        Assert.Equal(("dev", 1), ((string)stored["kekName"]!, (int)stored["kekVersion"]!));

        // The secrets service knows the form of KMS v2 alone.
        (string?, bool?, bool?) told = version == "v2" ? (dev.KeyId, false, true) : (null, null, null);
        Assert.Equal(told, ((string?)stored["keyId"], (bool?)stored["stale"], (bool?)stored["opens"]));
        Assert.Equal(version == "v2" ? 0 : 1, (int)result.Json["unverified"]!);
    }

    // The one Secret of a cluster of its own.
    private async Task<(CliResult Result, JsonNode Stored)> WriteAsync(string provider, string[] more)
    {
        ApiServerHarness? harness = ApiServerHarness.Find();
        Assert.SkipWhen(harness is null, "eng/apiserver-harness has not built an API server here");
        await File.WriteAllTextAsync(
            _folder["encryption.yaml"],
            $"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n    providers:\n      - {provider}\n",
            Stop);
        await using EndToEndCluster cluster = await EndToEndCluster.StartAsync(
            harness!, _folder["cluster"], ["--feature-gates=KMSv1=true", "--encryption-provider-config", _folder["encryption.yaml"]], Stop);
        Assert.True(await cluster.RoundTripAsync("s", Password, Stop));
        CliResult result = await CliProcess.RunAsync(["etcd", "coverage", "--endpoints", cluster.EtcdUrl, "-o", "json", .. more]);
        Assert.DoesNotContain(Password, result.Output + result.Errors, StringComparison.Ordinal);
        return (result, Assert.Single(result.Json["stored"]!.AsArray())!);
    }
}
