using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Kek;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Kek;

public sealed class KekTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Create_import_list_and_retire()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);

        JsonNode created = (await Kek(dev, "create", "--name", "dev")).MustSucceed().Json;
        Assert.Equal(2, (int)created["version"]!);
        Assert.True((bool)created["active"]!);
        string second = (string)created["keyId"]!;
        Assert.NotEqual(dev.KeyId, second);

        byte[] key = RandomNumberGenerator.GetBytes(32);
        JsonNode imported = (await Import(dev, key, "--name", "spare", "--inactive")).MustSucceed().Json;
        Assert.Equal("spare", (string)imported["name"]!);
        Assert.False((bool)imported["active"]!);

        JsonNode state = (await Kek(dev, "list")).MustSucceed().Json;
        Assert.Equal(second, (string)state["activeKeyId"]!);
        Assert.Equal("ok", (string)state["health"]!);
        Assert.Equal(3, state["keks"]!.AsArray().Count);
        Assert.DoesNotContain(Convert.ToHexString(key), state.ToJsonString(), StringComparison.OrdinalIgnoreCase);

        CliResult table = (await CliProcess.RunAsync("kek", "list", "--socket", dev.AdminSocket)).MustSucceed();
        Assert.Contains(second, table.Output, StringComparison.Ordinal);
        Assert.Contains("active", table.Output, StringComparison.Ordinal);

        (await CliProcess.RunAsync("kek", "retire", "--socket", dev.AdminSocket, "--key-id", dev.KeyId)).MustBeRefused("--yes-retire");
        (await CliProcess.RunAsync("kek", "retire", "--socket", dev.AdminSocket, "--key-id", dev.KeyId, "--yes-retire", second)).MustBeRefused("repeat the key_id");
        (await CliProcess.RunAsync("kek", "retire", "--socket", dev.AdminSocket, "--key-id", dev.KeyId, "--yes-retire", dev.KeyId)).MustBeRefused("--endpoints");
        CliResult active = await Kek(dev, "retire", "--key-id", second, "--yes-retire", second);
        Assert.Equal(ExitCode.No, active.ExitCode);
        Assert.StartsWith("cloister: FailedPrecondition", active.Errors, StringComparison.Ordinal);
        (await Kek(dev, "retire", "--key-id", dev.KeyId, "--yes-retire", dev.KeyId, "--without-scan", second)).MustBeRefused("--without-scan");
        state = (await Kek(dev, "retire", "--key-id", dev.KeyId, "--yes-retire", dev.KeyId, "--without-scan", dev.KeyId)).MustSucceed().Json;
        Assert.DoesNotContain(dev.KeyId, state["keks"]!.AsArray().Select(kek => (string)kek!["keyId"]!));
    }

    [Fact]
    public async Task The_same_KEK_has_the_same_key_id_in_two_enclaves_however_it_is_given()
    {
        await using DevEnclave one = await DevEnclave.StartAsync(_folder["1"]);
        await using DevEnclave two = await DevEnclave.StartAsync(_folder["2"]);
        byte[] key = RandomNumberGenerator.GetBytes(32);

        JsonNode raw = (await Import(one, key, "--name", "prod", "--version", "7")).MustSucceed().Json;
        JsonNode hex = (await Import(two, Encoding.ASCII.GetBytes(Convert.ToHexString(key) + "\n"), "--name", "prod", "--version", "7")).MustSucceed().Json;

        Assert.Equal((string)raw["keyId"]!, (string)hex["keyId"]!);
        Assert.True((bool)hex["active"]!);
        Assert.Equal((string)raw["keyId"]!, (string)(await Kek(one, "list")).MustSucceed().Json["activeKeyId"]!);
    }

    // Without a sealed copy an enclave forgets at a restart which key a version was.
    [Fact]
    public async Task Another_key_for_a_version_that_an_operator_gave_before_is_refused_also_after_a_restart()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        string keyId = KekInput.KeyIdOf("prod", 1, key);
        await using (DevEnclave first = await DevEnclave.StartAsync(_folder["1"]))
        {
            (await Import(first, key, "--name", "prod")).MustSucceed();
        }

        File.Copy(_folder["1/operator.key.keks"], _folder["kept"]);
        await using DevEnclave forgot = await DevEnclave.StartAsync(_folder["2"]);
        File.Copy(_folder["kept"], _folder["2/operator.key.keks"], overwrite: true);
        string cluster = File.ReadAllText(_folder["kept"]).Split(' ')[0];
        Assert.Equal($"{cluster} prod 1 {keyId}\n", await File.ReadAllTextAsync(_folder["kept"], TestContext.Current.CancellationToken));

        CliResult other = await Import(forgot, RandomNumberGenerator.GetBytes(32), "--name", "prod");
        Assert.Equal(ExitCode.No, other.ExitCode);
        Assert.Contains($"another KEK was given to enclaves of {cluster} as prod version 1 before: key_id {keyId}", other.Errors, StringComparison.Ordinal);
        Assert.Single((await Kek(forgot, "list")).MustSucceed().Json["keks"]!.AsArray());
        Assert.Equal(keyId, (string)(await Import(forgot, key, "--name", "prod")).MustSucceed().Json["keyId"]!);
        (await Import(forgot, RandomNumberGenerator.GetBytes(32), "--name", "prod", "--version", "2")).MustSucceed();
    }

    [Fact]
    public async Task Another_key_than_the_expected_one_is_not_sent()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        byte[] key = RandomNumberGenerator.GetBytes(32);
        string keyId = KekInput.KeyIdOf("prod", 3, key);
        CliResult other = await Import(dev, RandomNumberGenerator.GetBytes(32), "--name", "prod", "--version", "3", "--expect-key-id", keyId);
        Assert.Equal(ExitCode.No, other.ExitCode);
        Assert.Contains("nothing was sent", other.Errors, StringComparison.Ordinal);
        Assert.Equal(ExitCode.No, (await Import(dev, key, "--name", "prod", "--version", "4", "--expect-key-id", keyId)).ExitCode);
        Assert.Single((await Kek(dev, "list")).MustSucceed().Json["keks"]!.AsArray());

        Assert.Equal(keyId, (string)(await Import(dev, Encoding.ASCII.GetBytes(Convert.ToBase64String(key)), "--name", "prod", "--version", "3", "--expect-key-id", keyId)).MustSucceed().Json["keyId"]!);
    }

    [Fact]
    public async Task What_is_no_KEK_is_refused()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        foreach (byte[] input in (byte[][])[[], new byte[31], new byte[33], "00"u8.ToArray(), Encoding.ASCII.GetBytes(new string('g', 64)), Encoding.ASCII.GetBytes(new string('a', 63)), new byte[10_000]])
        {
            (await Import(dev, input, "--name", "prod")).MustBeRefused("standard input holds no KEK");
        }

        Assert.Equal(ExitCode.No, (await Import(dev, RandomNumberGenerator.GetBytes(32), "--name", "prod", "--version", "0")).ExitCode);
        Assert.Single((await Kek(dev, "list")).MustSucceed().Json["keks"]!.AsArray());
    }

    [Fact]
    public async Task The_key_is_in_no_command_line()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        string hex = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        await using CliProcess import = CliProcess.Start("kek", "import", "--socket", dev.AdminSocket, "--name", "prod");
        await import.Input.WriteAsync(Encoding.ASCII.GetBytes(hex), TestContext.Current.CancellationToken);
        await import.Input.FlushAsync(TestContext.Current.CancellationToken);

        foreach (int process in (int[])[import.Id, dev.Process.Id, dev.EnclaveProcessId()])
        {
            foreach (string file in (string[])["cmdline", "environ"])
            {
                Assert.DoesNotContain(hex, await File.ReadAllTextAsync($"/proc/{process}/{file}", TestContext.Current.CancellationToken), StringComparison.OrdinalIgnoreCase);
            }
        }

        (await CliProcess.RunAsync("kek", "import", "--socket", dev.AdminSocket, "--name", "prod", "--key", hex)).MustBeRefused("--key");
    }

    [Fact]
    public async Task Only_the_pinned_operators_key_changes_KEKs()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        string other = _folder["other.key"];
        CliResult made = (await CliProcess.RunAsync("kek", "operator-key", "--out", other)).MustSucceed();
        Assert.StartsWith("sha256:", made.Output, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(other));
        (await CliProcess.RunAsync("kek", "operator-key", "--out", other)).MustBeRefused("is there already");

        byte[] key = RandomNumberGenerator.GetBytes(32);
        foreach (string[] more in (string[][])[["--operator-key", other], ["--cluster", "prod"]])
        {
            CliResult refused = await Import(dev, key, ["--name", "planted", .. more]);
            Assert.Equal(ExitCode.No, refused.ExitCode);
            Assert.Contains(more[0] == "--cluster" ? "of cluster 'dev', not 'prod'" : "custody.manual.operators", refused.Errors, StringComparison.Ordinal);
        }

        (await Import(dev, key, "--name", "mine", "--operator-key", _folder["d/operator.key"], "--cluster", "dev")).MustSucceed();
        JsonNode state = (await Kek(dev, "list")).MustSucceed().Json;
        Assert.StartsWith("sha256:", (string)Assert.Single(state["operators"]!.AsArray())!, StringComparison.Ordinal);
        Assert.DoesNotContain(state["keks"]!.AsArray(), kek => (string)kek!["name"]! == "planted");
    }

    [Fact]
    public async Task Only_custody_manual_has_KEKs_of_its_own()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "remote");

        CliResult result = await Kek(dev, "create", "--name", "dev");

        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.Equal("", result.Output);
        Assert.Contains("custody remote", result.Errors, StringComparison.Ordinal);
    }

    private static Task<CliResult> Kek(DevEnclave dev, string verb, params string[] arguments) =>
        CliProcess.RunAsync(["kek", verb, "--socket", dev.AdminSocket, "--output", "json", .. arguments]);

    private static Task<CliResult> Import(DevEnclave dev, byte[] input, params string[] arguments) =>
        CliProcess.RunWithInputAsync(input, ["kek", "import", "--socket", dev.AdminSocket, "--output", "json", .. arguments]);
}
