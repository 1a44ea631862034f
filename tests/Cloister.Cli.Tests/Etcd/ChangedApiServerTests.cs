using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Demo;
using Cloister.Cli.Offline;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;

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
    public async Task Neither_seed_nor_DEK_is_in_its_memory_where_with_KMS_v2_the_seed_is()
    {
        ApiServerHarness harness = await HarnessAsync();
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (await CliProcess.RunWithInputAsync(_kek, "kek", "import", "--socket", dev.AdminSocket, "--name", "mine")).MustSucceed();

        string[] changed = ["--secrets-endpoint", $"unix://{dev.Ready["secretsSocket"]}", "--secrets-provider", "tee"];
        (byte[] stored, int inApiServer, int inEnclave) = await RunAsync(harness, "changed", changed, dev);
        Assert.StartsWith("k8s:enc:kms:v2:tee:", Encoding.Latin1.GetString(stored), StringComparison.Ordinal);
        Assert.Equal(0, inApiServer);
        Assert.True(inEnclave > 0, "the scan finds the seed where it is");

        string[] plugin = ["--encryption-provider-config", (string)dev.Ready["encryptionConfiguration"]!];
        (_, inApiServer, _) = await RunAsync(harness, "plugin", plugin, dev);
        Assert.True(inApiServer > 0, "an API server with a KMS v2 provider has its seed in memory");
    }

    // A Secret through an API server into etcd: what is stored, and how often its seed and DEK stand in the memory of both processes.
    private async Task<(byte[] Stored, int InApiServer, int InEnclave)> RunAsync(ApiServerHarness harness, string name, string[] encryption, DevEnclave dev)
    {
        await using EndToEndCluster cluster = await EndToEndCluster.StartAsync(harness, _folder[name], encryption, Stop);
        Assert.True(await cluster.RoundTripAsync("s", Password, Stop));
        byte[] stored = await cluster.StoredAsync("/registry/secrets/default/s", Stop);
        byte[] plaintext = OfflineStoredValue.Open([_kek], Context, "/registry/secrets/default/s"u8.ToArray(), stored)!;
        Assert.Contains(Password, Encoding.Latin1.GetString(plaintext), StringComparison.Ordinal);

        byte[] body = stored[StoredValue.KmsV2PrefixFor("tee").Length..];
        byte[] seed = OfflineEdek.Plaintext(_kek, Context, EncryptedObject.Parse(body).Edek.ToArray());
        byte[] dek = HKDF.Expand(HashAlgorithmName.SHA256, seed, 32, EncryptedObject.Parse(body).Data[..32].ToArray());
        MemoryScan scan = new([seed, dek]);
        Assert.Equal(0, scan.Count(cluster.EtcdId));
        return (stored, scan.Count(cluster.ApiServerId), scan.Count(dev.EnclaveProcessId()));
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
