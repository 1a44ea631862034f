using System.Security.Cryptography;
using Cloister.Cli.Tests.Dev;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rotate</c> is killed in each of its stages, from one machine for two nodes, and the same command goes on.</summary>
public sealed class InterruptedRotationTests : IDisposable
{
    private const int Count = 30;

    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Killed_in_every_stage_it_goes_on_and_nothing_is_lost()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"], "--etcd", etcd.Url);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"], "--etcd", etcd.Url);
        (byte[] first, byte[] second) = (RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32));
        string old = "";
        foreach (DevEnclave node in (DevEnclave[])[one, two])
        {
            old = (string)(await CliProcess.RunWithInputAsync(first, "kek", "import", "--socket", node.AdminSocket, "--name", "prod", "-o", "json")).MustSucceed().Json["keyId"]!;
        }

        using GatewayClient gateway = new(_folder, "2");
        for (int i = 0; i < Count; i++)
        {
            await gateway.PutAsync($"/registry/secrets/a/{i:00}", $"value {i}");
        }

        string[] of = ["--endpoints", etcd.Url, "--secrets-socket", (string)one.Ready["secretsSocket"]!, "--socket", one.KmsSocket];
        string[] rotate = ["etcd", "rotate", .. of, "--name", "prod", "--version", "2", "--admin-socket", one.AdminSocket, "--admin-socket", two.AdminSocket, "-o", "json", "--retire", old];
        string[] status = ["etcd", "rotation", "status", .. of, "--socket", two.KmsSocket, "--sample", "0", "-o", "json"];

        // A node that does not answer is waited for; it is named by a socket that is not there yet.
        string late = _folder["late.sock"];
        await KilledAsync([.. rotate, "--socket", late], second, rotating => rotating.Errors.Contains("waiting for all nodes", StringComparison.Ordinal));
        await KilledAsync([.. rotate, "--socket", two.KmsSocket, "--settle", "600"], second, rotating => rotating.Errors.Contains("for API servers to take it up", StringComparison.Ordinal));
        Assert.Equal(("Migrating", Count), await StageAsync(status));

        // While it writes values again: some are, some are not.
        await KilledAsync([.. rotate, "--socket", two.KmsSocket, "--settle", "0", "--rate", "2"], second, rotating => rotating.Errors.Contains($" of {Count} keys (", StringComparison.Ordinal));
        (string stage, int left) = await StageAsync(status);
        Assert.Equal("Migrating", stage);
        Assert.InRange(left, 1, Count);

        // Between the two scans, with nothing left: the old version is there still.
        await KilledAsync([.. rotate, "--socket", two.KmsSocket, "--settle", "0", "--confirm", "600"], second, rotating => rotating.Errors.Contains("once more in 600 s", StringComparison.Ordinal));
        Assert.Equal(("Complete", 0), await StageAsync(status));
        Assert.Contains(old, (await CliProcess.RunAsync("kek", "list", "--socket", two.AdminSocket, "-o", "json")).MustSucceed().Output, StringComparison.Ordinal);

        Assert.True((bool)(await CliProcess.RunWithInputAsync(second, [.. rotate, "--socket", two.KmsSocket, "--settle", "0"])).MustSucceed().Json["retired"]!);
        Assert.DoesNotContain(old, (await CliProcess.RunAsync("kek", "list", "--socket", two.AdminSocket, "-o", "json")).MustSucceed().Output, StringComparison.Ordinal);
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal($"value {i}", await gateway.GetAsync($"/registry/secrets/a/{i:00}"));
        }
    }

    private static async Task KilledAsync(string[] command, byte[] kek, Func<CliProcess, bool> reached)
    {
        await using CliProcess rotating = CliProcess.Start(command);
        await rotating.Input.WriteAsync(kek, TestContext.Current.CancellationToken);
        rotating.Input.Close();
        await Eventually.TrueAsync(() => rotating.HasExited ? throw new InvalidOperationException(rotating.Errors) : reached(rotating), "it is in that stage", Timeout);
        await rotating.KillAsync();
    }

    private static async Task<(string Stage, int Stale)> StageAsync(string[] status)
    {
        CliResult result = await CliProcess.RunAsync(status);
        return ((string)result.Json["stage"]!, (int)result.Json["stale"]!);
    }
}
