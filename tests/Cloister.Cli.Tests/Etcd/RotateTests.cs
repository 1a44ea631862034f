using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rotate</c> with a real etcd and two nodes.</summary>
public sealed class RotateTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Two_nodes_come_to_the_new_version_nothing_is_stale_and_the_old_one_is_retired_when_told()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"]);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"]);
        string first = await ImportAsync(one, two);
        using SecretsClient secrets = new(one, etcd);
        using SecretsClient onTwo = new(two, etcd);
        for (int i = 0; i < 10; i++)
        {
            await secrets.PutAsync($"{i}", $"value {i}");
        }

        CliResult kept = (await RunAsync(etcd, one, two, Kek(), "--version", "2")).MustSucceed();
        string second = (string)kept.Json["newKeyId"]!;
        Assert.Equal((first, 2, 0, 10, false), (
            (string)kept.Json["oldKeyId"]!, (int)kept.Json["nodes"]!, (int)kept.Json["stale"]!, (int)kept.Json["rewrap"]!["rewrapped"]!, (bool)kept.Json["retired"]!));
        Assert.Contains($"cloister kek retire --admin-socket {one.AdminSocket} --key-id {first} --yes-retire {first}", kept.Errors, StringComparison.Ordinal);
        Assert.Equal(("value 3", second), await onTwo.GetAsync("3"));
        Assert.Contains(first, await KeksAsync(two), StringComparison.Ordinal);

        CliResult retired = (await RunAsync(etcd, one, two, Kek(), "--version", "3", "--retire", second)).MustSucceed();
        Assert.True((bool)retired.Json["retired"]!);
        foreach (DevEnclave node in (DevEnclave[])[one, two])
        {
            string keks = await KeksAsync(node);
            Assert.DoesNotContain(second, keks, StringComparison.Ordinal);
            Assert.Contains((string)retired.Json["newKeyId"]!, keks, StringComparison.Ordinal);
        }

        Assert.Equal(("value 3", (string)retired.Json["newKeyId"]!), await onTwo.GetAsync("3"));
    }

    [Fact]
    public async Task Nodes_that_do_not_agree_are_named_and_nothing_is_written()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"]);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"]);
        using SecretsClient secrets = new(one, etcd);
        await secrets.PutAsync("a", "b");

        CliResult refused = await CliProcess.RunAsync(
            "etcd", "rotate", "--endpoints", etcd.Url, "--socket", one.KmsSocket, "--socket", two.KmsSocket,
            "--secrets-socket", (string)one.Ready["secretsSocket"]!, "--rotated", "--wait", "1", "--settle", "0");
        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.Contains($"{two.KmsSocket}: {two.KeyId}", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(1, (await etcd.GetAsync(SecretsClient.Key("a"))).Version);

        CliResult created = (await CliProcess.RunAsync(
            "etcd", "rotate", "--endpoints", etcd.Url, "--socket", one.KmsSocket, "--secrets-socket", (string)one.Ready["secretsSocket"]!,
            "--admin-socket", one.AdminSocket, "--name", "dev", "--create", "--settle", "0", "-o", "json")).MustSucceed();
        Assert.Equal(("b", (string)created.Json["newKeyId"]!), await secrets.GetAsync("a"));
    }

    [Fact]
    public async Task A_broker_makes_the_version_that_enclaves_fetch_and_disables_the_old_one_when_told()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["1"], "--custody", "attested");
        string context = await BrokerFiles.ContextAsync(dev, _folder);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("a", "b");
        string first = dev.KeyId;

        CliResult rotated = (await CliProcess.RunAsync(
            "etcd", "rotate", "--endpoints", etcd.Url, "--socket", dev.KmsSocket, "--secrets-socket", (string)dev.Ready["secretsSocket"]!,
            "--context", context, "--name", "dev", "--active-in", "15", "--settle", "0", "--retire", first, "-o", "json")).MustSucceed();
        string second = (string)rotated.Json["newKeyId"]!;
        Assert.Equal((first, 0, true), ((string)rotated.Json["oldKeyId"]!, (int)rotated.Json["stale"]!, (bool)rotated.Json["retired"]!));
        Assert.NotEqual(first, second);
        Assert.Equal(("b", second), await secrets.GetAsync("a"));
        JsonArray versions = (await CliProcess.RunAsync("kek", "list", "--context", context, "-o", "json")).MustSucceed().Json["keks"]![0]!["versions"]!.AsArray();
        Assert.Equal(["disabled", "enabled"], versions.Select(version => (string)version!["state"]!));
    }

    [Theory]
    [InlineData("", "--admin-socket")]
    [InlineData("--context c", "--name")]
    [InlineData("--context c --name n --create", "--context")]
    [InlineData("--rotated --name x", "--rotated")]
    [InlineData("--rotated --retire x", "--rotated")]
    [InlineData("--admin-socket a --admin-socket b --name n --create", "--create")]
    [InlineData("--admin-socket a --name n", "--version")]
    public async Task Bad_options(string more, string named) => (await CliProcess.RunAsync(
        ["etcd", "rotate", "--endpoints", "http://h", "--socket", "k", "--secrets-socket", "s", .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).MustBeRefused(named);

    // The same KEK, version 1, on both: its key_id.
    private static async Task<string> ImportAsync(params DevEnclave[] nodes)
    {
        byte[] kek = Kek();
        string keyId = "";
        foreach (DevEnclave node in nodes)
        {
            keyId = (string)(await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", node.AdminSocket, "--name", "prod", "-o", "json")).MustSucceed().Json["keyId"]!;
        }

        return keyId;
    }

    private static async Task<string> KeksAsync(DevEnclave node) => (await CliProcess.RunAsync("kek", "list", "--socket", node.AdminSocket, "-o", "json")).Output;

    private static byte[] Kek() => RandomNumberGenerator.GetBytes(32);

    private static Task<CliResult> RunAsync(EtcdProcess etcd, DevEnclave one, DevEnclave two, byte[] kek, params string[] more) => CliProcess.RunWithInputAsync(
        kek,
        [
            "etcd", "rotate", "--endpoints", etcd.Url, "--socket", one.KmsSocket, "--socket", two.KmsSocket,
            "--secrets-socket", (string)one.Ready["secretsSocket"]!, "--admin-socket", one.AdminSocket, "--admin-socket", two.AdminSocket,
            "--name", "prod", "--settle", "0", "-o", "json", .. more,
        ]);
}
