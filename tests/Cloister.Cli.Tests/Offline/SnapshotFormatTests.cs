using System.Diagnostics;
using System.Security.Cryptography;
using Cloister.Cli.Demo;
using Cloister.Cli.Offline.Snapshots;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Offline;

/// <summary>A recovery drill knows every format that was ever written, fails on nothing, and finds in a file what bbolt's own check finds.</summary>
public sealed class SnapshotFormatTests : IDisposable
{
    private const string Prefix = "/registry/secrets/";
    private const string Object = "{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{}}";

    private readonly ScratchFolder _folder = new();
    private readonly KnownKek _kek = new(RandomNumberGenerator.GetBytes(32), SeededValues.KeyId(1));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_format_opens_and_is_counted_by_provider()
    {
        KnownKek older = new(RandomNumberGenerator.GetBytes(32), SeededValues.KeyId(2));
        await using (EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path))
        {
            await etcd.PutAsync(Key("v1"), _kek.KmsV1("tee", Key("v1"), Object));
            await etcd.PutAsync(Key("v1-cbc"), _kek.KmsV1("tee", Key("v1-cbc"), Object, cbc: true));
            await etcd.PutAsync(Key("v2-seed"), _kek.KmsV2("tee", Key("v2-seed"), Object));
            await etcd.PutAsync(Key("v2-key"), _kek.KmsV2("tee", Key("v2-key"), Object, seed: false));
            await etcd.PutAsync(Key("other"), older.KmsV2("before", Key("other"), Object));
            await etcd.PutAsync(Key("twice"), _kek.KmsV2("tee", Key("twice"), older.KmsV1("before", Key("twice"), Object)));
            await etcd.CtlAsync("snapshot", "save", _folder["snapshot"]);
        }

        await WriteAsync(_kek, older);
        CliResult all = (await DecryptAsync("--kek", _folder["kek1"], "--kek", _folder["kek2"], "--list", "-o", "json")).MustSucceed();
        Assert.Equal("right", (string)all.Json["snapshot"]!["checksum"]!);
        Assert.Equal(
            ["kms-v1 tee 2 2 0", "kms-v2 before 1 1 0", "kms-v2 tee 3 3 1"],
            all.Json["counts"]!.AsArray().Select(count => $"{count!["kind"]} {count["provider"]} {count["keys"]} {count["open"]} {count["encryptedTwice"]}"));
        foreach (string name in (string[])["v1", "v1-cbc", "v2-seed", "v2-key", "other", "twice"])
        {
            Assert.Equal(Object, (await DecryptAsync("--kek", _folder["kek1"], "--kek", _folder["kek2"], "--secret", $"ns/{name}")).MustSucceed().Output);
        }

        // One KEK short, and it says which do not open.
        CliResult some = await DecryptAsync("--kek", _folder["kek1"], "--list", "-o", "json");
        Assert.Equal(ExitCode.No, some.ExitCode);
        Assert.Equal([Key("other"), Key("twice")], some.Json["keys"]!.AsArray().Where(key => !(bool)key!["opens"]!).Select(key => (string)key!["key"]!));

        // A drill on nothing shows nothing.
        CliResult nothing = await DecryptAsync("--kek", _folder["kek1"], "--list", "--prefix", "/registry/secret/", "-o", "json");
        Assert.Equal((ExitCode.No, false), (nothing.ExitCode, (bool)nothing.Json["ok"]!));
        Assert.Contains("no keys under /registry/secret/", nothing.Errors, StringComparison.Ordinal);
        (await DecryptAsync("--kek", _folder["kek1"], "--list", "--prefix", "/registry/secret/", "--allow-empty", "-o", "json")).MustSucceed();
    }

    [Fact]
    public async Task What_real_API_server_code_wrote_with_KMS_v1_and_v2_opens()
    {
        ApiServerHarness? harness = ApiServerHarness.Find();
        Assert.SkipWhen(harness is null, "eng/apiserver-harness has not built an API server here");
        await using (DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]))
        {
            (await CliProcess.RunWithInputAsync(_kek.Key, "kek", "import", "--socket", dev.AdminSocket, "--name", "prod")).MustSucceed();
            await using EndToEndCluster cluster = await EndToEndCluster.StartEtcdAsync(harness!, _folder["cluster"], Stop);
            foreach (string version in (string[])["v1", "v2"])
            {
                string file = _folder[$"encryption-{version}.yaml"];
                await File.WriteAllTextAsync(
                    file,
                    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n    providers:\n"
                    + $"      - kms: {{apiVersion: {version}, name: tee-{version}, endpoint: \"unix://{dev.KmsSocket}\", timeout: 10s}}\n",
                    Stop);
                await using EndToEndCluster server = await EndToEndCluster.StartBesideAsync(
                    cluster, _folder[$"server-{version}"], ["--feature-gates=KMSv1=true", "--encryption-provider-config", file], Stop);
                Assert.True(await server.RoundTripAsync($"by-{version}", "correct horse", Stop));
            }

            await RunAsync(harness!.PathOf("etcdctl"), "--endpoints", cluster.EtcdUrl, "snapshot", "save", _folder["snapshot"]);
        }

        await WriteAsync(_kek);

        // EDEKs are bound to the enclave's provider, whatever the API server calls it.
        CliResult unnamed = await DecryptAsync("--kek", _folder["kek1"], "--list", "-o", "json");
        Assert.Equal(ExitCode.No, unnamed.ExitCode);
        CliResult list = (await DecryptAsync("--kek", _folder["kek1"], "--provider", "tee", "--list", "-o", "json")).MustSucceed();
        Assert.Equal(["kms-v1 tee-v1 1", "kms-v2 tee-v2 1"], list.Json["counts"]!.AsArray().Select(count => $"{count!["kind"]} {count["provider"]} {count["open"]}"));
    }

    [Fact]
    public async Task Changed_pages_are_found_where_bbolt_finds_them()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        for (int i = 0; i < 400; i++)
        {
            await etcd.PutAsync($"/registry/secrets/ns/{i % 150:000}", new byte[600]);
        }

        await etcd.CtlAsync("compact", "250");
        await etcd.CtlAsync("defrag");
        for (int i = 0; i < 50; i++)
        {
            await etcd.PutAsync($"/registry/secrets/ns/{i}", new byte[3000 + (i * 100)]);
        }

        await etcd.CtlAsync("snapshot", "save", _folder["snapshot"]);
        byte[] database = (await File.ReadAllBytesAsync(_folder["snapshot"], Stop))[..^32];
        await File.WriteAllBytesAsync(_folder["db"], database, Stop);
        EtcdSnapshot sound = EtcdSnapshot.Read(_folder["db"], Prefix);
        Assert.Equal((false, true), (sound.Saved, sound.ConsistentIndex > 0));
        Assert.True(EtcdSnapshot.Read(_folder["snapshot"], Prefix).Saved);
        Assert.Equal(0, await StatusAsync(etcd, _folder["db"]));

        Random random = new(11);
        (int theirs, int ours) = (0, 0);
        for (int i = 0; i < 60; i++)
        {
            byte[] changed = [.. database];

            // In the heads of pages and their elements, where the tree is.
            int at = (random.Next(changed.Length / 4096) * 4096) + random.Next(96);
            changed[at] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(_folder["db"], changed, Stop);
            bool refused = Refuses(_folder["db"]);
            bool corrupt = await StatusAsync(etcd, _folder["db"]) != 0;
            Assert.True(refused || !corrupt, $"etcdctl calls it corrupt, change at {at}");
            (theirs, ours) = (theirs + (corrupt ? 1 : 0), ours + (refused ? 1 : 0));
        }

        Assert.True(theirs > 5 && ours >= theirs, $"etcd's tool found {theirs}, this one {ours}");
    }

    private static string Key(string name) => $"{Prefix}ns/{name}";

    private static bool Refuses(string file)
    {
        try
        {
            EtcdSnapshot.Read(file, Prefix);
            return false;
        }
        catch (CliException e)
        {
            Assert.Contains("is not a whole snapshot of etcd", e.Message, StringComparison.Ordinal);
            return true;
        }
    }

    // bbolt's check of every page; it may also crash on them.
    private static async Task<int> StatusAsync(EtcdProcess etcd, string file)
    {
        ProcessStartInfo start = new(Path.Combine(etcd.Folder, "etcdctl"), ["snapshot", "status", file]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["ETCDCTL_API"] = "3";
        using Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        await process.StandardError.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        return process.ExitCode;
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string errors = await process.StandardError.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        Assert.True(process.ExitCode == 0, errors);
    }

    private async Task WriteAsync(params KnownKek[] keks)
    {
        for (int i = 0; i < keks.Length; i++)
        {
            await File.WriteAllBytesAsync(_folder[$"kek{i + 1}"], keks[i].Key, Stop);
        }
    }

    private Task<CliResult> DecryptAsync(params string[] more) =>
        CliProcess.RunAsync(["etcd", "decrypt", "--snapshot", _folder["snapshot"], "--cluster", KnownKek.Cluster, .. more]);
}
