using System.Diagnostics;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Dev;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Offline;

/// <summary>
/// The drill of docs/operations.md, the whole way: a broker's KEKs are split into shares with the command, Secrets are written through a gateway, a
/// snapshot is taken, everything is stopped, and the Secrets are read with snapshot and shares alone.
/// </summary>
[Collection(nameof(Alone))]
public sealed class DisasterDrillTests : IDisposable
{
    private const string Before = "/registry/secrets/shop/before";
    private const string After = "/registry/secrets/shop/after";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_snapshot_and_shares_of_two_versions_are_enough()
    {
        await using (EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path))
        {
            await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", etcd.Url);
            string context = await BrokerFiles.ContextAsync(dev, _folder);
            using GatewayClient gateway = new(_folder, "d");
            await gateway.PutAsync(Before, "before the rotation");
            (await CliProcess.RunAsync("kek", "rotate", "--name", "dev", "--active-in", "0s", "--context", context)).MustSucceed();
            await Eventually.TrueAsync(
                async () =>
                {
                    await gateway.PutAsync(After, "after the rotation");
                    return await KeyIdAsync(etcd, After) != await KeyIdAsync(etcd, Before);
                },
                "writes use the new version",
                TimeSpan.FromMinutes(3));
            await ExportAsync(context);

            await etcd.CtlAsync("snapshot", "save", _folder["snapshot.db"]);
            await ShellAsync($"etcdctl --endpoints {etcd.Url} get {After} --print-value-only | head -c -1 > {_folder["value"]}", etcd.Folder);
            Assert.Equal((await etcd.GetAsync(After)).Value.ToByteArray(), await File.ReadAllBytesAsync(_folder["value"], Stop));
        }

        // Nothing runs any more, and what the broker and the enclave kept is gone.
        Directory.Delete(_folder["d"], recursive: true);
        Directory.Delete(_folder["etcd"], recursive: true);

        string[] shares = [.. Share(1, 1), .. Share(1, 3), .. Share(2, 2), .. Share(2, 3)];
        CliResult list = (await SnapshotAsync([.. shares, "--list", "-o", "json"])).MustSucceed();
        Assert.Equal([$"{After} True", $"{Before} True"], list.Json["keys"]!.AsArray().Select(key => $"{key!["key"]} {(bool)key["opens"]!}"));
        Assert.Equal("before the rotation", (await SnapshotAsync([.. shares, "--secret", "shop/before"])).MustSucceed().Output);
        Assert.Equal("after the rotation", (await SnapshotAsync([.. shares, "--secret", "shop/after"])).MustSucceed().Output);

        byte[] value = await File.ReadAllBytesAsync(_folder["value"], Stop);
        string[] one = ["etcd", "decrypt", "--etcd-key", After, "--cluster", "dev", "--provider", "tee"];
        Assert.Equal("after the rotation", (await CliProcess.RunWithInputAsync(value, [.. one, .. Share(2, 1), .. Share(2, 2)])).MustSucceed().Output);

        // Shares of the other version do not open it, and one share restores nothing.
        CliResult other = await CliProcess.RunWithInputAsync(value, [.. one, .. Share(1, 1), .. Share(1, 2)]);
        Assert.Equal((ExitCode.No, ""), (other.ExitCode, other.Output));
        (await CliProcess.RunWithInputAsync(value, [.. one, .. Share(2, 1)])).MustBeRefused("2 shares restore KEK dev");
    }

    // Each keeper opens his shares: which number is whose depends on the pins.
    private async Task ExportAsync(string context)
    {
        string[] keepers = ["one", "two", "three"];
        Dictionary<string, string> keys = [];
        foreach (string keeper in keepers)
        {
            CliResult made = (await CliProcess.RunAsync("kek", "keeper-key", "--key", _folder[$"{keeper}.key"], "--public", _folder[$"{keeper}.pub"], "-o", "json")).MustSucceed();
            keys.Add((string)made.Json["pin"]!, _folder[$"{keeper}.key"]);
        }

        foreach (string version in (string[])["1", "2"])
        {
            string[] export = ["kek", "export", "--name", "dev", "--version", version, "--threshold", "2", "--directory", _folder[$"shares{version}"], "--context", context, "-o", "json"];
            CliResult exported = (await CliProcess.RunAsync([.. export, .. keepers.SelectMany(keeper => (string[])["--keeper", _folder[$"{keeper}.pub"]])])).MustSucceed();
            foreach ((string file, string pin) in exported.Json["files"]!.AsArray().Zip(exported.Json["keepers"]!.AsArray(), (file, pin) => ((string)file!, (string)pin!)))
            {
                (await CliProcess.RunAsync("kek", "open-share", "--share", file, "--key", keys[pin], "--out", Path.ChangeExtension(file, ".txt"))).MustSucceed();
            }
        }
    }

    private static async Task<string> KeyIdAsync(EtcdProcess etcd, string key) => StorageClassifier.Classify((await etcd.GetAsync(key)).Value.Span).KeyId;

    private static async Task ShellAsync(string command, string folderOfPrograms)
    {
        ProcessStartInfo start = new("bash", ["-o", "pipefail", "-c", command]) { RedirectStandardError = true };
        start.Environment["PATH"] = $"{folderOfPrograms}:{Environment.GetEnvironmentVariable("PATH")}";
        using Process process = Process.Start(start)!;
        string errors = await process.StandardError.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        Assert.True(process.ExitCode == 0, errors);
    }

    private string[] Share(int version, int number) => ["--share", Path.Combine(_folder[$"shares{version}"], $"dev-v{version}-share-{number}.txt")];

    private Task<CliResult> SnapshotAsync(params string[] more) =>
        CliProcess.RunAsync(["etcd", "decrypt", "--snapshot", _folder["snapshot.db"], "--cluster", "dev", "--provider", "tee", .. more]);
}
