using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd coverage --verify</c> and the names of KEKs, with a real etcd and a running enclave.</summary>
public sealed class VerifiedCoverageTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_does_not_open_is_counted_by_namespace_and_is_a_no()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("good", "correct horse");
        CliResult good = (await RunAsync(etcd, dev, "--verify", "-o", "json")).MustSucceed();
        Assert.Equal((1, 0, 0), ((int)good.Json["keys"]!, (int)good.Json["undecryptable"]!, (int)good.Json["unverified"]!));
        Assert.True((bool)good.Json["stored"]![0]!["opens"]!);

        // Of the right form, each of them: a value of another key, one that was changed, one under a KEK that is nowhere, one with a broken form.
        byte[] elsewhere = await secrets.EncryptAsync("elsewhere", "x");
        byte[] changed = await secrets.EncryptAsync("changed", "battery staple");
        changed["k8s:enc:kms:v2:tee:".Length + 50] ^= 1;
        await etcd.PutAsync("/registry/secrets/a/moved", elsewhere);
        await etcd.PutAsync(SecretsClient.Key("changed"), changed);
        await etcd.PutAsync("/registry/secrets/a/lost", SeededValues.Ours("tee", 7));
        await etcd.PutAsync("/registry/secrets/b/broken", Encoding.UTF8.GetBytes("k8s:enc:kms:v2:tee:x"));
        await etcd.PutAsync("/registry/secrets/b/other", SeededValues.Local("aescbc", "key1", 32));
        await etcd.PutAsync("/registry/secrets/b/theirs", SeededValues.Ours("other", 7));

        // By their form alone all but one are fine.
        CliResult form = await RunAsync(etcd, dev, "-o", "json");
        Assert.Equal(["/registry/secrets/b/broken"], form.Json["offenders"]!.AsArray().Select(offender => (string)offender!["key"]!));
        Assert.Null(form.Json["undecryptable"]);

        CliResult bad = await RunAsync(etcd, dev, "--verify", "-o", "json");
        Assert.Equal((ExitCode.No, false), (bad.ExitCode, (bool)bad.Json["ok"]!));
        Assert.Equal((7, 4, 2, 4), ((int)bad.Json["keys"]!, (int)bad.Json["undecryptable"]!, (int)bad.Json["unverified"]!, (int)bad.Json["offending"]!));
        Assert.Equal(
            ["a 2 2 kms-v2=2", "b 3 1 aescbc=1,kms-v2=1,malformed=1", "ns 2 1 kms-v2=2"],
            bad.Json["namespaces"]!.AsArray().Select(ns => $"{ns!["namespace"]} {ns["keys"]} {ns["undecryptable"]} {Kinds(ns)}"));
        Assert.Equal(
            ["/registry/secrets/a/lost False", "/registry/secrets/a/moved False", "/registry/secrets/b/broken False", "/registry/secrets/ns/changed False"],
            bad.Json["offenders"]!.AsArray().Select(offender => $"{offender!["key"]} {(bool)offender["opens"]!}"));
        CliResult table = await RunAsync(etcd, dev, "--verify");
        Assert.Equal(ExitCode.No, table.ExitCode);
        Assert.Contains("undecryptable", table.Output, StringComparison.Ordinal);
        foreach (string secret in (string[])["correct horse", "battery staple"])
        {
            Assert.DoesNotContain(secret, bad.Output + bad.Errors + table.Output + table.Errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_encrypted_twice_is_a_no_and_the_inner_KEK_is_named()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        byte[] key = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        CliResult imported = (await CliProcess.RunWithInputAsync(key, "kek", "import", "--socket", dev.AdminSocket, "--name", "prod", "-o", "json")).MustSucceed();
        KnownKek kek = new(key, (string)imported.Json["keyId"]!);
        string name = SecretsClient.Key("twice");
        await etcd.PutAsync(name, kek.KmsV2("tee", name, SeededValues.Ours("before", 7)));
        CliResult unasked = (await RunAsync(etcd, dev, "-o", "json")).MustSucceed();
        Assert.Null(unasked.Json["encryptedTwice"]);
        CliResult bad = await RunAsync(etcd, dev, "--verify", "-o", "json");
        Assert.Equal((ExitCode.No, 1, 0), (bad.ExitCode, (int)bad.Json["encryptedTwice"]!, (int)bad.Json["undecryptable"]!));
        Assert.Equal("k8s:enc:kms:v2:before:", (string)Assert.Single(bad.Json["offenders"]!.AsArray())!["inner"]!);
        Assert.Equal(
            [kek.KeyId, SeededValues.KeyId(7)],
            bad.Json["scan"]!["keks"]!.AsArray().Where(found => (int)found!["values"]! == 1).Select(found => (string)found!["keyId"]!).OrderByDescending(id => id == kek.KeyId));
    }

    [Fact]
    public async Task KEKs_have_the_names_that_the_enclave_gives_them()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("one", "1");
        (await CliProcess.RunAsync("kek", "create", "--socket", dev.AdminSocket, "--name", "dev")).MustSucceed();
        await secrets.PutAsync("two", "2");
        await etcd.PutAsync(SecretsClient.Key("unknown"), SeededValues.Ours("tee", 7));

        CliResult named = (await RunAsync(etcd, dev, "--admin-socket", dev.AdminSocket, "-o", "json")).MustSucceed();
        JsonArray stored = named.Json["stored"]!.AsArray();
        Assert.Equal(
            ["dev 1 True", "dev 2 False", "none"],
            stored.Select(entry => entry!["kekName"] is { } name ? $"{name} {(uint)entry["kekVersion"]!} {(bool)entry["stale"]!}" : "none").Order(StringComparer.Ordinal));
        Assert.All(stored, entry => Assert.Equal(32, ((string)entry!["kek"]!).Length));
        Assert.Contains("dev 2", (await RunAsync(etcd, dev, "--admin-socket", dev.AdminSocket)).MustSucceed().Output, StringComparison.Ordinal);
        Assert.All((await RunAsync(etcd, dev, "-o", "json")).Json["stored"]!.AsArray(), entry => Assert.Null(entry!["kekName"]));
    }

    [Fact]
    public async Task KEKs_have_the_names_that_the_broker_gives_them()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        string context = await BrokerFiles.ContextAsync(dev, _folder);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("one", "1");
        JsonNode stored = Assert.Single((await RunAsync(etcd, dev, "--context", context, "--verify", "-o", "json")).MustSucceed().Json["stored"]!.AsArray())!;
        Assert.Equal(("dev", 1, true), ((string)stored["kekName"]!, (int)stored["kekVersion"]!, (bool)stored["opens"]!));
    }

    [Theory]
    [InlineData("--verify")]
    [InlineData("--verify --key-id a")]
    [InlineData("--admin-socket a --context b")]
    public async Task Bad_options(string more) =>
        (await CliProcess.RunAsync(["etcd", "coverage", "--endpoints", "http://h", .. more.Split(' ')])).MustBeRefused("--");

    private static string Kinds(JsonNode ns) => string.Join(',', ns["kinds"]!.AsObject().Select(kind => $"{kind.Key}={kind.Value}"));

    private static Task<CliResult> RunAsync(EtcdProcess etcd, DevEnclave dev, params string[] more) =>
        CliProcess.RunAsync(["etcd", "coverage", "--endpoints", etcd.Url, "--secrets-socket", (string)dev.Ready["secretsSocket"]!, .. more]);
}
