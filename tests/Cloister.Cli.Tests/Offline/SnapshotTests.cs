using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Offline.Snapshots;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Keys;
using Cloister.Recovery;

namespace Cloister.Cli.Tests.Offline;

/// <summary><c>cloister etcd decrypt</c>: a snapshot of a real etcd, KEKs in hand, no enclave.</summary>
public sealed class SnapshotTests : IDisposable
{
    private const string Prefix = "/registry/secrets/";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_disaster_drill()
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        string large = new('x', 300_000);
        await using (EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path))
        {
            await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
            (await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", dev.AdminSocket, "--name", "mine")).MustSucceed();
            using SecretsClient secrets = new(dev, etcd);
            for (int i = 0; i < 300; i++)
            {
                await secrets.PutAsync($"{i:000}", $"value {i}");
            }

            await secrets.PutAsync("005", "newer");
            await secrets.PutAsync("large", large);
            await secrets.PutAsync("deleted", "x");
            await etcd.CtlAsync("del", SecretsClient.Key("deleted"));
            await etcd.PutAsync("/registry/configmaps/ns/a", Encoding.UTF8.GetBytes("{}"));
            await etcd.CtlAsync("snapshot", "save", _folder["snapshot"]);
        }

        await File.WriteAllBytesAsync(_folder["kek"], kek, TestContext.Current.CancellationToken);
        CliResult list = (await DecryptAsync("--kek", _folder["kek"], "--list", "-o", "json")).MustSucceed();
        Assert.Equal(301, list.Json["keys"]!.AsArray().Count);
        Assert.All(list.Json["keys"]!.AsArray(), key => Assert.True((bool)key!["opens"]!));
        Assert.DoesNotContain("deleted", list.Output, StringComparison.Ordinal);
        Assert.Equal("newer", (await DecryptAsync("--kek", _folder["kek"], "--secret", "ns/005")).MustSucceed().Output);
        Assert.Equal(large, (await DecryptAsync("--kek", _folder["kek"], "--secret", "ns/large")).MustSucceed().Output);

        // Two of three shares.
        IReadOnlyList<RecoveryShare> shares = RecoveryShares.Split(new KekIdentity("manual", "mine", 1, "00"), kek, 2, 3);
        for (int i = 0; i < 3; i++)
        {
            await File.WriteAllTextAsync(_folder[$"share{i}"], shares[i].ToText(), TestContext.Current.CancellationToken);
        }

        Assert.Equal("value 7", (await DecryptAsync("--share", _folder["share2"], "--share", _folder["share0"], "--secret", "ns/007")).MustSucceed().Output);
        (await DecryptAsync("--share", _folder["share2"], "--secret", "ns/007")).MustBeRefused("2 shares restore KEK mine");

        // What does not open prints nothing.
        await File.WriteAllTextAsync(_folder["other"], Convert.ToHexString(RandomNumberGenerator.GetBytes(32)), TestContext.Current.CancellationToken);
        foreach (CliResult refused in (CliResult[])
            [
                await DecryptAsync("--kek", _folder["other"], "--secret", "ns/007"),
                await DecryptAsync("--kek", _folder["kek"], "--secret", "ns/none"),
            ])
        {
            Assert.Equal((ExitCode.No, ""), (refused.ExitCode, refused.Output));
        }

        CliResult none = await DecryptAsync("--kek", _folder["other"], "--list", "-o", "json");
        Assert.Equal((ExitCode.No, false), (none.ExitCode, (bool)none.Json["ok"]!));

        Damaged();
        await ValueOnStandardInputAsync();
    }

    // Every damage of the file is one clear error or leaves what was read as it was; nothing ends in another way.
    private void Damaged()
    {
        byte[] whole = File.ReadAllBytes(_folder["snapshot"]);
        SortedDictionary<string, byte[]> sound = EtcdSnapshot.Read(_folder["snapshot"], Prefix).Values;
        byte[] changed = [.. whole];
        changed[whole.Length / 2] ^= 1;
        AssertDamaged(changed);
        AssertDamaged(whole[..(whole.Length / 2 / 512 * 512)]);
        AssertDamaged([]);
        AssertDamaged(new byte[65_536]);
        AssertDamaged("no database"u8.ToArray());

        // Without the checksum at its end, as a copy of a member's file has none: the pages themselves are checked.
        byte[] database = whole[..^32];
        File.WriteAllBytes(_folder["damaged"], database);
        Assert.Equal(sound.Keys, EtcdSnapshot.Read(_folder["damaged"], Prefix).Values.Keys);
        Random random = new(7);
        int refused = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] copy = [.. database];
            int page = random.Next(copy.Length / 4096) * 4096;
            for (int j = 0; j < 4; j++)
            {
                copy[page + random.Next(128)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_folder["damaged"], copy);
            try
            {
                EtcdSnapshot.Read(_folder["damaged"], Prefix);
            }
            catch (CliException e)
            {
                Assert.Contains("is not a whole snapshot of etcd", e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(refused > 0);
    }

    private async Task ValueOnStandardInputAsync()
    {
        byte[] stored = EtcdSnapshot.Read(_folder["snapshot"], Prefix).Values[SecretsClient.Key("009")];
        string[] arguments = ["etcd", "decrypt", "--cluster", "dev", "--provider", "tee", "--kek", _folder["kek"], "--etcd-key"];
        Assert.Equal("value 9", (await CliProcess.RunWithInputAsync(stored, [.. arguments, SecretsClient.Key("009")])).MustSucceed().Output);
        CliResult moved = await CliProcess.RunWithInputAsync(stored, [.. arguments, SecretsClient.Key("008")]);
        Assert.Equal((ExitCode.No, ""), (moved.ExitCode, moved.Output));
        Assert.Contains("does not open", moved.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--list")]
    [InlineData("--snapshot x")]
    [InlineData("--snapshot x --list --secret a/b")]
    [InlineData("--snapshot x --list")]
    [InlineData("--etcd-key k --share /nowhere")]
    [InlineData("--etcd-key k --kek /nowhere")]
    public async Task Bad_options(string more) => (await CliProcess.RunAsync(
        ["etcd", "decrypt", "--cluster", "c", "--provider", "p", .. more.Split(' ')])).MustBeRefused("cloister: ");

    private void AssertDamaged(byte[] content)
    {
        File.WriteAllBytes(_folder["damaged"], content);
        CliException e = Assert.Throws<CliException>(() => EtcdSnapshot.Read(_folder["damaged"], Prefix));
        Assert.Contains("is not a whole snapshot of etcd", e.Message, StringComparison.Ordinal);
    }

    private Task<CliResult> DecryptAsync(params string[] more) => CliProcess.RunAsync(
        ["etcd", "decrypt", "--snapshot", _folder["snapshot"], "--cluster", "dev", "--provider", "tee", .. more]);
}
