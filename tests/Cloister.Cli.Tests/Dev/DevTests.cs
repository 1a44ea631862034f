using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Dev;

[Collection(nameof(Alone))]
public sealed class DevTests : IDisposable
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CliProcess.SigTerm)]
    [InlineData(CliProcess.SigInt)]
    public async Task Starts_says_ready_and_stops_in_time(int signal)
    {
        await using CliProcess dev = CliProcess.Start("dev", "--dir", _folder["d"]);
        string ready = await dev.ReadLineAsync();

        Assert.StartsWith($"ready unix://{_folder["d"]}/kms.sock ", ready, StringComparison.Ordinal);
        Assert.Contains("key_id cl1-", ready, StringComparison.Ordinal);
        Assert.Contains($"endpoint: \"unix://{_folder["d"]}/kms.sock\"", await File.ReadAllTextAsync(_folder["d/encryption.yaml"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        (await CliProcess.RunAsync("probe", "--socket", _folder["d/kms.sock"], "--count", "3")).MustSucceed();

        dev.Signal(signal);
        await dev.WaitForExitAsync(Promised);

        Assert.Equal(0, dev.ExitCode);
        Assert.False(File.Exists(_folder["d/kms.sock"]));
        Assert.False(File.Exists(_folder["d/admin.sock"]));
        Assert.Contains("SIMULATED TEE", dev.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("manual")]
    [InlineData("remote")]
    [InlineData("passthrough")]
    public async Task A_later_start_has_the_same_keys(string custody)
    {
        string keyId;
        await using (DevEnclave first = await DevEnclave.StartAsync(_folder["d"], "--custody", custody))
        {
            keyId = first.KeyId;
            Assert.Equal(custody, (string)first.Ready["custody"]!);
        }

        await using DevEnclave second = await DevEnclave.StartAsync(_folder["d"], "--custody", custody);

        Assert.StartsWith("cl1-", keyId, StringComparison.Ordinal);
        Assert.Equal(keyId, second.KeyId);
        (await CliProcess.RunAsync("probe", "--socket", second.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task Killed_it_takes_the_enclave_along_and_its_folder_can_be_used_at_once()
    {
        await using DevEnclave killed = await DevEnclave.StartAsync(_folder["d"]);
        int enclave = killed.EnclaveProcessId();
        await killed.Process.KillAsync();

        await using DevEnclave next = await DevEnclave.StartAsync(_folder["d"]);

        Assert.Equal(killed.KeyId, next.KeyId);
        await Eventually.TrueAsync(() => DevEnclave.Ended(enclave), "the first enclave has ended");
        (await CliProcess.RunAsync("probe", "--socket", next.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task Stale_sockets_are_replaced()
    {
        await using DevEnclave killed = await DevEnclave.StartAsync(_folder["d"]);
        int enclave = killed.EnclaveProcessId();
        using (System.Diagnostics.Process process = System.Diagnostics.Process.GetProcessById(enclave))
        {
            process.Kill();
        }

        await killed.Process.WaitForExitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(ExitCode.Usage, killed.Process.ExitCode);
        Assert.Contains("ended by itself", killed.Process.Errors, StringComparison.Ordinal);
        Assert.True(File.Exists(killed.KmsSocket));

        await using DevEnclave next = await DevEnclave.StartAsync(_folder["d"]);

        Assert.Equal(killed.KeyId, next.KeyId);
    }

    [Fact]
    public async Task A_second_one_on_the_same_folder_is_refused_and_the_first_stays()
    {
        await using DevEnclave first = await DevEnclave.StartAsync(_folder["d"]);
        string configuration = await File.ReadAllTextAsync(_folder["d/enclave.yaml"], TestContext.Current.CancellationToken);

        CliResult second = await CliProcess.RunAsync("dev", "--dir", _folder["d"], "--custody", "remote");

        second.MustBeRefused($"another 'cloister dev' runs on {_folder["d"]}");
        Assert.Equal(configuration, await File.ReadAllTextAsync(_folder["d/enclave.yaml"], TestContext.Current.CancellationToken));
        (await CliProcess.RunAsync("probe", "--socket", first.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task The_provider_has_the_name_that_was_asked_for()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["a b"], "--provider-name", "vault-2");

        Assert.Equal("vault-2", (string)dev.Ready["provider"]!);
        Assert.Contains("name: \"vault-2\"", await File.ReadAllTextAsync(_folder["a b/encryption.yaml"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--provider-name", "a:b", "--provider-name")]
    [InlineData("--provider-name", "", "--provider-name")]
    [InlineData("--provider-name", "a\"b", "--provider-name")]
    [InlineData("--cluster", "a b", "--cluster")]
    [InlineData("--custody", "none", "none")]
    [InlineData("--kms-latency-ms", "-1", "--kms-latency-ms")]
    [InlineData("--kms-latency-ms", "much", "much")]
    [InlineData("--no-such-option", "1", "--no-such-option")]
    public async Task Bad_values_are_refused(string option, string value, string because)
    {
        CliResult result = await CliProcess.RunAsync("dev", "--dir", _folder["d"], option, value);

        result.MustBeRefused(because);
        Assert.False(Directory.Exists(_folder["d"]));
    }

    [Fact]
    public async Task Folders_that_cannot_be_used_are_refused()
    {
        await File.WriteAllTextAsync(_folder["file"], "", TestContext.Current.CancellationToken);

        (await CliProcess.RunAsync("dev")).MustBeRefused("--dir");
        (await CliProcess.RunAsync("dev", "--dir", "")).MustBeRefused("--dir");
        (await CliProcess.RunAsync("dev", "--dir", _folder["file"])).MustBeRefused("cannot be used");
        (await CliProcess.RunAsync("dev", "--dir", _folder[new string('x', 120)])).MustBeRefused("107 bytes");
        (await CliProcess.RunAsync("dev", "--dir", _folder["a\"b"])).MustBeRefused("cannot be written into configuration");
    }
}
