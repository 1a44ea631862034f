using System.Security.Cryptography;
using Cloister.Cli.Tests.Dev;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rotation status</c>, stage by stage on two nodes, and a retirement that is held to its plan.</summary>
public sealed class RotationStatusTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_stage_is_told_from_nodes_and_etcd_and_another_plan_retires_nothing()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"], "--etcd", etcd.Url);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"], "--etcd", etcd.Url);
        (byte[] first, byte[] second) = (RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32));
        string old = "";
        foreach (DevEnclave node in (DevEnclave[])[one, two])
        {
            old = await ImportAsync(node, first, 1);
        }

        using (GatewayClient gateway = new(_folder, "1"))
        {
            for (int i = 0; i < 20; i++)
            {
                await gateway.PutAsync($"/registry/secrets/a/{i:00}", $"value {i}");
            }
        }

        string[] ofOne = ["etcd", "rotation", "status", "--endpoints", etcd.Url, "--socket", one.KmsSocket, "--secrets-socket", (string)one.Ready["secretsSocket"]!, "-o", "json"];
        string[] status = [.. ofOne, "--socket", two.KmsSocket];
        Assert.Equal("Complete", Stage(await CliProcess.RunAsync([.. status, "--sample", "0"]), ExitCode.Done));

        // One node has it, and then both.
        string active = await ImportAsync(one, second, 2);
        CliResult differ = await CliProcess.RunAsync([.. status, "--sample", "0", "--retire", old]);
        Assert.Equal("Distributing", Stage(differ, ExitCode.No));
        Assert.Null(differ.Json["plan"]);
        Assert.Equal("False", Condition(differ, "KeyConverged"));
        await ImportAsync(two, second, 2);
        CliResult migrating = await CliProcess.RunAsync([.. status, "--sample", "1"]);
        Assert.Equal("Migrating", Stage(migrating, ExitCode.No));
        Assert.Equal((20, "True", "False"), ((int)migrating.Json["stale"]!, Condition(migrating, "Progressing"), Condition(migrating, "Migrated")));

        // A plan for other nodes is not the one that is done.
        string[] rotate =
        [
            "etcd", "rotate", "--endpoints", etcd.Url, "--name", "prod", "--version", "2", "--settle", "0", "--retire", old, "--socket", one.KmsSocket, "--socket", two.KmsSocket,
            "--admin-socket", one.AdminSocket, "--admin-socket", two.AdminSocket, "--secrets-socket", (string)one.Ready["secretsSocket"]!, "-o", "json",
        ];
        CliResult alone = await CliProcess.RunAsync([.. ofOne, "--sample", "0", "--retire", old]);
        CliResult refused = await CliProcess.RunWithInputAsync(second, [.. rotate, "--plan", (string)alone.Json["plan"]!["hash"]!]);
        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.Contains("nothing was retired", refused.Errors, StringComparison.Ordinal);
        Assert.Contains(old, (await CliProcess.RunAsync("kek", "list", "--socket", two.AdminSocket, "-o", "json")).MustSucceed().Output, StringComparison.Ordinal);

        CliResult complete = await CliProcess.RunAsync([.. status, "--sample", "0", "--retire", old]);
        Assert.Equal("Complete", Stage(complete, ExitCode.Done));
        Assert.Equal((active, old), ((string)complete.Json["plan"]!["keep"]!, (string)complete.Json["plan"]!["retire"]!));
        Assert.True((bool)(await CliProcess.RunWithInputAsync(second, [.. rotate, "--plan", (string)complete.Json["plan"]!["hash"]!])).MustSucceed().Json["retired"]!);

        two.Process.Signal(CliProcess.SigTerm);
        await two.Process.WaitForExitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("Degraded", Stage(await CliProcess.RunAsync([.. status, "--sample", "0"]), ExitCode.No));
    }

    private static async Task<string> ImportAsync(DevEnclave node, byte[] kek, int version) =>
        (string)(await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", node.AdminSocket, "--name", "prod", "--version", $"{version}", "-o", "json")).MustSucceed().Json["keyId"]!;

    private static string Stage(CliResult result, int exit)
    {
        Assert.True(result.ExitCode == exit, result.ToString());
        return (string)result.Json["stage"]!;
    }

    private static string Condition(CliResult result, string type) => (string)result.Json["conditions"]!.AsArray().Single(condition => (string)condition!["type"]! == type)!["status"]!;
}
