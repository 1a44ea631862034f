using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>
/// No KEK goes while a value anywhere in etcd needs it: <c>etcd rotate --retire</c>, <c>kek retire</c>, <c>kek disable</c> and <c>kek destroy</c> with a real
/// etcd and running enclaves.
/// </summary>
public sealed class KekRemovalTests : IDisposable
{
    private const string Secret = "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("kms-v1", "/registry/secrets/old/v1")]
    [InlineData("other provider", "/registry/secrets/old/provider")]
    [InlineData("other kind", "/registry/configmaps/old/kind")]
    [InlineData("other prefix", "/elsewhere/secrets/old/prefix")]
    [InlineData("malformed", "/registry/secrets/old/malformed")]
    [InlineData("nested", "/registry/backups/old/nested")]
    [InlineData("encrypted twice", "/registry/secrets/old/twice")]
    public async Task A_value_that_rewrap_does_not_bring_over_keeps_its_KEK(string what, string key)
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        KnownKek old = await ImportAsync(dev, 1);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("a", "b");
        KnownKek next = new(RandomNumberGenerator.GetBytes(32), "");
        if (what != "encrypted twice")
        {
            await etcd.PutAsync(key, Value(what, old, key));
        }

        CliResult rotated;
        if (what == "encrypted twice")
        {
            // What an API server with a KMS provider stores through a gateway: the outer envelope is new, the inner one stays.
            KnownKek second = await ImportAsync(dev, 2);
            await etcd.PutAsync(key, second.KmsV2("tee", key, old.KmsV2("tee", key, Secret)));
            rotated = await RotateAsync(etcd, dev, next.Key, 3, "--retire", old.KeyId);
        }
        else
        {
            rotated = await RotateAsync(etcd, dev, next.Key, 2, "--retire", old.KeyId);
        }

        Assert.Equal((ExitCode.No, false, false), (rotated.ExitCode, (bool)rotated.Json["ok"]!, (bool)rotated.Json["retired"]!));
        CliResult retire = await RetireAsync(etcd, dev, old.KeyId);
        Assert.Equal((ExitCode.No, ""), (retire.ExitCode, retire.Output));
        Assert.Contains(key, rotated.Output + rotated.Errors, StringComparison.Ordinal);
        Assert.Contains(key, retire.Errors, StringComparison.Ordinal);
        Assert.Contains(old.KeyId, retire.Errors, StringComparison.Ordinal);

        Assert.Contains(old.KeyId, await KeksAsync(dev), StringComparison.Ordinal);

        // Without the value it may go; the past is a warning.
        await etcd.CtlAsync("del", key);
        CliResult gone = (await RetireAsync(etcd, dev, old.KeyId)).MustSucceed();
        Assert.Contains("older revisions", gone.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(old.KeyId, await KeksAsync(dev), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_comes_between_two_scans_is_found_by_the_second()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (KnownKek old, _) = await TwoVersionsAsync(etcd, dev);
        await using CliProcess retire = CliProcess.Start([.. Retire(etcd, dev, old.KeyId), "--confirm", "20"]);
        await Eventually.TrueAsync(() => retire.Errors.Contains("once more", StringComparison.Ordinal), "the first scan is done", TimeSpan.FromMinutes(2));
        await etcd.PutAsync("/registry/secrets/late/a", old.KmsV2("tee", "/registry/secrets/late/a", Secret));
        await retire.WaitForExitAsync(TimeSpan.FromMinutes(3));

        Assert.Equal(ExitCode.No, retire.ExitCode);
        Assert.Contains("/registry/secrets/late/a", retire.Errors, StringComparison.Ordinal);
        Assert.Contains(old.KeyId, await KeksAsync(dev), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scan_of_nothing_or_of_another_cluster_says_nothing()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder["1"]);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (KnownKek old, _) = await TwoVersionsAsync(etcd, dev);
        await using EtcdProcess other = await EtcdProcess.StartAsync(_folder["2"]);
        CliResult empty = await RetireAsync(other, dev, old.KeyId);
        await other.PutAsync("/registry/secrets/a/b", SeededValues.Ours("tee", 7));
        CliResult another = await RetireAsync(other, dev, old.KeyId);
        await other.PutAsync("/registry/secrets/a/b", Encoding.UTF8.GetBytes(Secret));
        CliResult inClear = await RetireAsync(other, dev, old.KeyId);
        foreach (CliResult refused in (CliResult[])[empty, another, inClear])
        {
            Assert.Equal(ExitCode.No, refused.ExitCode);
            Assert.Contains("not a gateway", refused.Errors, StringComparison.Ordinal);
        }

        // Where nothing is encrypted, somebody has to say so.
        (await CliProcess.RunAsync([.. Retire(other, dev, old.KeyId), "--confirm", "0", "--allow-empty"])).MustSucceed();
    }

    [Fact]
    public async Task A_report_counts_when_it_is_fresh_of_that_cluster_and_of_all_keys()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (KnownKek old, KnownKek active) = await TwoVersionsAsync(etcd, dev);
        await etcd.PutAsync("/registry/configmaps/a/b", old.KmsV1("tee", "/registry/configmaps/a/b", Secret));
        JsonNode needed = (await CoverageAsync(etcd)).Json;
        string cluster = (string)needed["scan"]!["clusterId"]!;
        await AssertRefusedAsync(dev, old, needed, cluster, "/registry/configmaps");

        await etcd.CtlAsync("del", "/registry/configmaps/a/b");
        await AssertRefusedAsync(dev, old, (await CoverageAsync(etcd, "--scan-prefix", "/registry/")).Json, cluster, "--scan-prefix");
        JsonNode fresh = (await CoverageAsync(etcd)).Json;
        await AssertRefusedAsync(dev, old, fresh, "1234", "cluster");
        JsonNode aged = fresh.DeepClone();
        aged["scan"]!["time"] = "2026-01-01T00:00:00Z";
        await AssertRefusedAsync(dev, old, aged, cluster, "old at most");
        JsonNode none = fresh.DeepClone();
        none["scan"]!["keks"] = new JsonArray();
        await AssertRefusedAsync(dev, old, none, cluster, "not a gateway");

        (await RunAsync(dev, old, _folder["nothing"], cluster)).MustBeRefused("cannot be read");
        CliResult retired = (await RunAsync(dev, old, await WriteAsync(fresh), cluster)).MustSucceed();
        Assert.Contains(active.KeyId, retired.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(old.KeyId, await KeksAsync(dev), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_hears_of_the_scan_and_its_log_keeps_it()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["1"], "--custody", "attested");
        string context = await BrokerFiles.ContextAsync(dev, _folder);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("a", "b");
        (await CliProcess.RunAsync("kek", "rotate", "--name", "dev", "--active-in", "0s", "--context", context)).MustSucceed();
        string[] disable = ["kek", "disable", "--name", "dev", "--version", "1", "--context", context, "-o", "json"];
        (await CliProcess.RunAsync(disable)).MustBeRefused("--endpoints");
        CliResult needed = await CliProcess.RunAsync([.. disable, "--endpoints", etcd.Url]);
        Assert.Equal(ExitCode.No, needed.ExitCode);
        Assert.Contains(SecretsClient.Key("a"), needed.Errors, StringComparison.Ordinal);
        CliResult destroy = await CliProcess.RunAsync(
            "kek", "destroy", "--name", "dev", "--version", "1", "--delay", "24h", "--yes-destroy", "dev", "--context", context, "--endpoints", etcd.Url);
        Assert.Equal(ExitCode.No, destroy.ExitCode);
        Assert.Contains(SecretsClient.Key("a"), destroy.Errors, StringComparison.Ordinal);

        string[] rewrap = ["etcd", "rewrap", "--endpoints", etcd.Url, "--socket", (string)dev.Ready["secretsSocket"]!, "-o", "json"];
        await Eventually.TrueAsync(async () => (int)(await CliProcess.RunAsync(rewrap)).MustSucceed().Json["rewrapped"]! == 1, "the enclave has the new version", TimeSpan.FromMinutes(2));
        CliResult disabled = (await CliProcess.RunAsync([.. disable, "--endpoints", etcd.Url])).MustSucceed();
        Assert.Equal("disabled", (string)disabled.Json["versions"]![0]!["state"]!);
        string log = (await CliProcess.RunAsync("audit", "export", "--context", context)).MustSucceed().Output;
        JsonNode details = JsonNode.Parse((string)JsonNode.Parse(Assert.Single(log.Split('\n'), line => line.Contains("kek.disable", StringComparison.Ordinal)))!["entry"]!["details"]!)!;
        Assert.Equal((1, "", 64), ((int)details["scan"]!["keys"]!, (string)details["scan"]!["prefix"]!, ((string)details["scan"]!["digest"]!).Length));
    }

    [Fact]
    public async Task A_rotation_with_a_prefix_that_covers_nothing_changes_nothing()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        KnownKek old = await ImportAsync(dev, 1);
        CliResult refused = await RotateAsync(etcd, dev, RandomNumberGenerator.GetBytes(32), 2, "--prefix", "/registry/secret/");
        Assert.Equal((ExitCode.No, ""), (refused.ExitCode, refused.Output));
        Assert.Contains("nothing was changed", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(old.KeyId, (string)JsonNode.Parse(await KeksAsync(dev))!["activeKeyId"]!);
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync("etcd", "rewrap", "--endpoints", etcd.Url, "--socket", (string)dev.Ready["secretsSocket"]!)).ExitCode);
    }

    [Theory]
    [InlineData("--endpoints http://h --without-scan x", "give one")]
    [InlineData("--coverage f", "--etcd-cluster")]
    [InlineData("--etcd-cluster 1", "--etcd-cluster")]
    [InlineData("--confirm=-1", "--confirm")]
    public async Task Bad_options(string more, string named) =>
        (await CliProcess.RunAsync(["kek", "retire", "--socket", "s", "--key-id", "x", "--yes-retire", "x", .. more.Split(' ')])).MustBeRefused(named);

    private static byte[] Value(string what, KnownKek kek, string key) => what switch
    {
        "kms-v1" => kek.KmsV1("tee", key, Secret),
        "other provider" => kek.KmsV2("tee-before", key, Secret),
        "malformed" => [.. kek.KmsV2("tee", key, Secret)[..^60]],
        "nested" => [.. "k8s\0 a backup of "u8, .. kek.Edek("tee", new byte[32]), .. " and more"u8],
        _ => kek.KmsV2("tee", key, Secret),
    };

    private static async Task<KnownKek> ImportAsync(DevEnclave dev, int version)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        CliResult imported = await CliProcess.RunWithInputAsync(key, "kek", "import", "--socket", dev.AdminSocket, "--name", "prod", "--version", $"{version}", "-o", "json");
        return new KnownKek(key, (string)imported.MustSucceed().Json["keyId"]!);
    }

    // One Secret under the second of two versions.
    private static async Task<(KnownKek Old, KnownKek Active)> TwoVersionsAsync(EtcdProcess etcd, DevEnclave dev)
    {
        KnownKek old = await ImportAsync(dev, 1);
        KnownKek active = await ImportAsync(dev, 2);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("a", "b");
        return (old, active);
    }

    private static async Task<string> KeksAsync(DevEnclave dev) => (await CliProcess.RunAsync("kek", "list", "--socket", dev.AdminSocket, "-o", "json")).MustSucceed().Output;

    private static string[] Retire(EtcdProcess etcd, DevEnclave dev, string keyId) =>
    [
        "kek", "retire", "--socket", dev.AdminSocket, "--key-id", keyId, "--yes-retire", keyId, "--endpoints", etcd.Url,
        "--secrets-socket", (string)dev.Ready["secretsSocket"]!, "-o", "json",
    ];

    private static Task<CliResult> RetireAsync(EtcdProcess etcd, DevEnclave dev, string keyId) => CliProcess.RunAsync([.. Retire(etcd, dev, keyId), "--confirm", "0"]);

    private static Task<CliResult> RotateAsync(EtcdProcess etcd, DevEnclave dev, byte[] kek, int version, params string[] more) => CliProcess.RunWithInputAsync(
        kek,
        [
            "etcd", "rotate", "--endpoints", etcd.Url, "--socket", dev.KmsSocket, "--secrets-socket", (string)dev.Ready["secretsSocket"]!,
            "--admin-socket", dev.AdminSocket, "--name", "prod", "--version", $"{version}", "--settle", "0", "--wait", "5", "-o", "json", .. more,
        ]);

    private static Task<CliResult> CoverageAsync(EtcdProcess etcd, params string[] more) => CliProcess.RunAsync(["etcd", "coverage", "--endpoints", etcd.Url, "-o", "json", .. more]);

    private static Task<CliResult> RunAsync(DevEnclave dev, KnownKek kek, string file, string cluster) => CliProcess.RunAsync(
        "kek", "retire", "--socket", dev.AdminSocket, "--key-id", kek.KeyId, "--yes-retire", kek.KeyId, "--coverage", file, "--etcd-cluster", cluster, "-o", "json");

    private async Task AssertRefusedAsync(DevEnclave dev, KnownKek kek, JsonNode report, string cluster, string because)
    {
        CliResult refused = await RunAsync(dev, kek, await WriteAsync(report), cluster);
        Assert.Equal((ExitCode.No, ""), (refused.ExitCode, refused.Output));
        Assert.Contains(because, refused.Errors, StringComparison.Ordinal);
        Assert.Contains(kek.KeyId, await KeksAsync(dev), StringComparison.Ordinal);
    }

    private async Task<string> WriteAsync(JsonNode report)
    {
        await File.WriteAllTextAsync(_folder["report.json"], report.ToJsonString(), Stop);
        return _folder["report.json"];
    }
}
