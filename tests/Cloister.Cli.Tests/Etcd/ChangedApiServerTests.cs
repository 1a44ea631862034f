using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Demo;
using Cloister.Cli.Etcd;
using Cloister.Cli.Offline;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Envelope;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>Real API-server code that has its Secrets encrypted in the enclave, beside the same code with a KMS v2 provider.</summary>
public sealed class ChangedApiServerTests : IDisposable
{
    private const string Password = "correct horse battery staple";

    private static readonly EnvelopeContext Context = new(EnvelopeContext.KmsPurpose, "dev", "tee");

    private readonly byte[] _kek = RandomNumberGenerator.GetBytes(32);
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Under_load_neither_seed_nor_DEK_is_in_its_memory_where_with_KMS_v2_the_seed_is()
    {
        ApiServerHarness harness = await HarnessAsync();
        await using DevEnclave dev = await StartAsync();

        foreach (LoadedScan scan in await ScansAsync(harness, "changed", Changed(dev), dev))
        {
            Assert.Equal([ScansUnderLoad.Enclave], scan.KekFoundIn);
            Assert.Equal([ScansUnderLoad.Enclave], scan.SeedFoundIn);
            Assert.Equal([ScansUnderLoad.Enclave], scan.DekFoundIn);
        }

        foreach (LoadedScan scan in await ScansAsync(harness, "plugin", Plugin(dev), dev))
        {
            Assert.Equal([ScansUnderLoad.Enclave], scan.KekFoundIn);
            Assert.Contains("api-server", scan.SeedFoundIn);
            Assert.DoesNotContain("etcd", scan.DekFoundIn);
        }
    }

    [Fact]
    public async Task It_and_one_with_KMS_v2_on_the_same_etcd_read_each_others_Secrets()
    {
        ApiServerHarness harness = await HarnessAsync();
        await using DevEnclave dev = await StartAsync();
        await using EndToEndCluster changed = await EndToEndCluster.StartAsync(harness, _folder["changed"], Changed(dev), Stop);
        await using EndToEndCluster plugin = await EndToEndCluster.StartBesideAsync(changed, _folder["plugin"], Plugin(dev), Stop);

        Assert.True(await changed.RoundTripAsync("by-changed", "one", Stop));
        Assert.True(await plugin.RoundTripAsync("by-plugin", "two", Stop));
        await BothHaveAsync(("by-changed", "one"), ("by-plugin", "two"));

        // Each writes over what the other wrote.
        Assert.True(await plugin.ChangeAsync("by-changed", "three", Stop));
        Assert.True(await changed.ChangeAsync("by-plugin", "four", Stop));
        await BothHaveAsync(("by-changed", "three"), ("by-plugin", "four"));

        // Two seeds: neither could do it with its own alone.
        byte[] seed = await SeedAsync("by-changed");
        Assert.NotEqual(seed, await SeedAsync("by-plugin"));

        // One that was just started has nothing in its cache.
        await using EndToEndCluster later = await EndToEndCluster.StartBesideAsync(changed, _folder["later"], Changed(dev), Stop);
        Assert.Equal("three", (await later.PasswordsAsync(Stop))["by-changed"]);

        async Task BothHaveAsync(params (string Name, string Password)[] secrets)
        {
            foreach (EndToEndCluster server in (EndToEndCluster[])[changed, plugin])
            {
                Assert.Equal(secrets.ToDictionary(), await server.PasswordsAsync(Stop));
            }
        }

        async Task<byte[]> SeedAsync(string name)
        {
            string key = $"/registry/secrets/default/{name}";
            return StoredSecret.Open(_kek, Context, key, await changed.StoredAsync(key, Stop)).Seed;
        }
    }

    private static string[] Changed(DevEnclave dev) => ["--secrets-endpoint", $"unix://{dev.Ready["secretsSocket"]}", "--secrets-provider", "tee"];

    private static string[] Plugin(DevEnclave dev) => ["--encryption-provider-config", (string)dev.Ready["encryptionConfiguration"]!];

    private async Task<DevEnclave> StartAsync()
    {
        DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (await CliProcess.RunWithInputAsync(_kek, "kek", "import", "--socket", dev.AdminSocket, "--name", "mine")).MustSucceed();
        return dev;
    }

    // A Secret through an API server into etcd, and scans of both and of the enclave while others are written and read.
    private async Task<IReadOnlyList<LoadedScan>> ScansAsync(ApiServerHarness harness, string name, string[] encryption, DevEnclave dev)
    {
        await using EndToEndCluster cluster = await EndToEndCluster.StartAsync(harness, _folder[name], encryption, Stop);
        Assert.True(await cluster.RoundTripAsync("s", Password, Stop));
        byte[] stored = await cluster.StoredAsync("/registry/secrets/default/s", Stop);
        Assert.StartsWith("k8s:enc:kms:v2:tee:", Encoding.Latin1.GetString(stored), StringComparison.Ordinal);
        byte[] plaintext = OfflineStoredValue.Open([_kek], Context, "/registry/secrets/default/s"u8.ToArray(), stored)!;
        Assert.Contains(Password, Encoding.Latin1.GetString(plaintext), StringComparison.Ordinal);

        using EtcdClient etcd = new(EtcdOptions.Create(cluster.EtcdUrl, null, null, null));
        using SecretsApi api = await cluster.SecretsAsync(Stop);
        ScansUnderLoad scans = new(
            etcd, _kek, Context, [("api-server", cluster.ApiServerId), ("etcd", cluster.EtcdId), (ScansUnderLoad.Enclave, dev.EnclaveProcessId())]);
        IReadOnlyList<LoadedScan> found = await scans.RunAsync(api, Stop);
        Assert.Equal(2, found.Count);
        Assert.All(found, scan =>
        {
            Assert.InRange(scan.Values, 2, int.MaxValue);
            Assert.InRange(Math.Min(scan.Writes, scan.Reads), 3, long.MaxValue);
        });
        return found;
    }

    // One that was built with the transformer: the cache may hold others.
    private static async Task<ApiServerHarness> HarnessAsync()
    {
        ApiServerHarness? harness = ApiServerHarness.Find();
        Assert.SkipWhen(harness is null, "eng/apiserver-harness has not built an API server here");
        ProcessStartInfo start = new(harness!.PathOf("apiserver"), ["--help"]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process help = Process.Start(start)!;
        Task<string> errors = help.StandardError.ReadToEndAsync(Stop);
        string said = await help.StandardOutput.ReadToEndAsync(Stop) + await errors;
        await help.WaitForExitAsync(Stop);
        Assert.SkipUnless(said.Contains("--secrets-endpoint", StringComparison.Ordinal), "the newest API server in the cache is of other sources: run eng/apiserver-harness");
        return harness;
    }
}
