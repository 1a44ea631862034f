using System.Text;
using System.Text.RegularExpressions;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>From KMS v1 to KMS v2 in a running API server, by its configuration alone.</summary>
public abstract partial class MigrationCases(Way way)
{
    // The API server looks at the file once a minute.
    private static readonly TimeSpan ReloadLimit = TimeSpan.FromSeconds(150);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Secrets_move_from_v1_to_v2_without_a_restart()
    {
        await using Cluster cluster = await Cluster.PrepareAsync(
            way,
            ["--feature-gates=KMSv1=true", "--encryption-provider-config-automatic-reload"],
            Cancellation);
        await cluster.Plugin.StartAsync(Cancellation);
        KmsProvider v1 = new("v1", $"{cluster.Plugin.ProviderName}-v1", cluster.Plugin.Socket);
        KmsProvider v2 = new("v2", cluster.Plugin.ProviderName, cluster.Plugin.Socket);
        await cluster.ConfigureAsync(KmsProvider.Configuration(v1), Cancellation);
        await cluster.StartApiServerAsync(Cancellation);
        await cluster.UntilReadyAsync(Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("moved", "from v1", Cancellation)).EnsureSuccess();
        Assert.Equal("k8s:enc:kms:v1:tee-v1:", await PrefixAsync(cluster, "moved"));

        await ReloadAsync(cluster, v2, v1);
        Assert.Equal("from v1", await cluster.Kubectl.ReadSecretAsync("moved", Cancellation));
        Assert.Equal("k8s:enc:kms:v1:tee-v1:", await PrefixAsync(cluster, "moved"));
        await cluster.Kubectl.RewriteSecretAsync("moved", Cancellation);
        Assert.Equal("k8s:enc:kms:v2:tee:", await PrefixAsync(cluster, "moved"));

        await ReloadAsync(cluster, v2);
        Assert.Equal("from v1", await cluster.Kubectl.ReadSecretAsync("moved", Cancellation));
        (await cluster.Kubectl.CreateSecretAsync("new", "a", Cancellation)).EnsureSuccess();
        Assert.Equal("k8s:enc:kms:v2:tee:", await PrefixAsync(cluster, "new"));
    }

    private static async Task ReloadAsync(Cluster cluster, params KmsProvider[] providers)
    {
        int before = await ReloadsAsync(cluster);
        await cluster.ConfigureAsync(KmsProvider.Configuration(providers), Cancellation);
        TimeSpan took = await Eventually.HoldsAsync(
            "the configuration is reloaded", ReloadLimit, async () => await ReloadsAsync(cluster) > before, Cancellation, pause: TimeSpan.FromSeconds(2));
        TestContext.Current.TestOutputHelper?.WriteLine($"reloaded after {took.TotalSeconds:F1} s");
    }

    private static async Task<int> ReloadsAsync(Cluster cluster)
    {
        string metrics = (await cluster.Kubectl.RunAsync(Cancellation, "get", "--raw", "/metrics")).EnsureSuccess();
        return Reloads.Matches(metrics).Sum(match => int.Parse(match.Groups[1].ValueSpan));
    }

    private static async Task<string> PrefixAsync(Cluster cluster, string secret) =>
        Prefix.Match(Encoding.Latin1.GetString(await cluster.StoredAsync(secret, Cancellation))).Value;

    [GeneratedRegex("""^apiserver_encryption_config_controller_automatic_reloads_total\{.*status="success".*\} (\d+)$""", RegexOptions.Multiline)]
    private static partial Regex Reloads { get; }

    [GeneratedRegex("^k8s:enc:kms:v[12]:[^:]+:")]
    private static partial Regex Prefix { get; }
}

public sealed class MigrationTests() : MigrationCases(Way.Direct);

public sealed class RelayedMigrationTests() : MigrationCases(Way.Relay);
