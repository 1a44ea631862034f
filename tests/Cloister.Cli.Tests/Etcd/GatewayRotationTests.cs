using System.Security.Cryptography;
using Cloister.Cli.Tests.Dev;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rotate</c> with the gateways of two nodes in front of one etcd, and writers through both all the time.</summary>
public sealed class GatewayRotationTests : IDisposable
{
    private const int KeysOfAWriter = 25;

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Under_writers_nothing_is_lost_nothing_is_stale_and_the_old_KEK_is_not_needed_any_more()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"], "--etcd", etcd.Url);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"], "--etcd", etcd.Url);
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        string first = "";
        foreach (DevEnclave node in (DevEnclave[])[one, two])
        {
            first = (string)(await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", node.AdminSocket, "--name", "prod", "-o", "json")).MustSucceed().Json["keyId"]!;
        }

        using GatewayClient throughOne = new(_folder, "1");
        using GatewayClient throughTwo = new(_folder, "2");
        Writer[] writers = [new(throughOne, "one"), new(throughTwo, "two")];
        for (int i = 0; i < 50; i++)
        {
            await throughOne.PutAsync($"/registry/secrets/quiet/{i:00}", $"quiet {i}");
        }

        Assert.Equal(first, await KeyIdAsync(etcd, "/registry/secrets/quiet/00"));
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task[] writing = [.. writers.Select(writer => writer.RunAsync(end.Token))];
        await Eventually.TrueAsync(() => writers.All(writer => writer.Writes > KeysOfAWriter), "every key was written", TimeSpan.FromMinutes(1));
        long before = writers.Sum(writer => writer.Writes);

        CliResult rotated = (await CliProcess.RunWithInputAsync(
            RandomNumberGenerator.GetBytes(32),
            "etcd", "rotate", "--endpoints", etcd.Url, "--name", "prod", "--version", "2", "--retire", first, "--settle", "0", "-o", "json",
            "--socket", one.KmsSocket, "--socket", two.KmsSocket, "--admin-socket", one.AdminSocket, "--admin-socket", two.AdminSocket,
            "--secrets-socket", (string)one.Ready["secretsSocket"]!, "--secrets-socket", (string)two.Ready["secretsSocket"]!)).MustSucceed();

        // They wrote all the while, and go on without the old KEK.
        long during = writers.Sum(writer => writer.Writes);
        Assert.True(during > before, "they wrote while it ran");
        await Eventually.TrueAsync(() => writers.Sum(writer => writer.Writes) > during + 20, "they go on", TimeSpan.FromMinutes(1));
        await end.CancelAsync();
        await Task.WhenAll(writing);

        string second = (string)rotated.Json["newKeyId"]!;
        Assert.Equal((first, 2, 0, 0, true), (
            (string)rotated.Json["oldKeyId"]!, (int)rotated.Json["nodes"]!, (int)rotated.Json["stale"]!, (int)rotated.Json["lateWrites"]!, (bool)rotated.Json["retired"]!));
        CliResult coverage = (await CliProcess.RunAsync(
            "etcd", "coverage", "--endpoints", etcd.Url, "--secrets-socket", (string)two.Ready["secretsSocket"]!, "--require", "current", "--verify", "-o", "json")).MustSucceed();
        Assert.Equal((50 + (2 * KeysOfAWriter), 0, 0), ((int)coverage.Json["keys"]!, (int)coverage.Json["stale"]!, (int)coverage.Json["undecryptable"]!));
        Assert.Equal(second, (string)Assert.Single(coverage.Json["stored"]!.AsArray())!["keyId"]!);
        foreach (DevEnclave node in (DevEnclave[])[one, two])
        {
            Assert.DoesNotContain(first, (await CliProcess.RunAsync("kek", "list", "--socket", node.AdminSocket, "-o", "json")).MustSucceed().Output, StringComparison.Ordinal);
        }

        // The last acknowledged value of every key, through either gateway.
        foreach (GatewayClient gateway in (GatewayClient[])[throughOne, throughTwo])
        {
            Assert.Equal("quiet 49", await gateway.GetAsync("/registry/secrets/quiet/49"));
            foreach ((string key, string value) in writers.SelectMany(writer => writer.Last))
            {
                Assert.Equal(value, await gateway.GetAsync(key));
            }
        }
    }

    private static async Task<string> KeyIdAsync(EtcdProcess etcd, string key) =>
        Cli.Etcd.StorageClassifier.Classify((await etcd.GetAsync(key)).Value.Span).KeyId;

    /// <summary>Writes its keys in turn, each time another value, until it is told to stop; any error ends the test.</summary>
    private sealed class Writer(GatewayClient gateway, string name)
    {
        private long _writes;

        internal long Writes => Interlocked.Read(ref _writes);

        internal Dictionary<string, string> Last { get; } = [];

        internal async Task RunAsync(CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                string key = $"/registry/secrets/{name}/{Writes % KeysOfAWriter}";
                string value = $"{name} {Writes}";
                await gateway.PutAsync(key, value);
                Last[key] = value;
                Interlocked.Increment(ref _writes);
            }
        }
    }
}
