using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Dev;

/// <summary><c>cloister dev --custody attested</c>: a broker and an enclave that gets its KEK from it.</summary>
public sealed class AttestedDevTests : IDisposable
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_broker_releases_the_KEK_and_everything_stops_in_time()
    {
        await using CliProcess dev = CliProcess.Start("dev", "--dir", _folder["d"], "--custody", "attested");
        string ready = await dev.ReadLineAsync();

        Assert.StartsWith($"ready unix://{_folder["d"]}/kms.sock custody attested ", ready, StringComparison.Ordinal);
        (await CliProcess.RunAsync("probe", "--socket", _folder["d/kms.sock"], "--count", "3")).MustSucceed();
        await Eventually.TrueAsync(() => dev.Errors.Contains("cloister enclaves list --broker https://127.0.0.1:", StringComparison.Ordinal), "the commands are told");

        dev.Signal(CliProcess.SigTerm);
        await dev.WaitForExitAsync(Promised);

        Assert.Equal(0, dev.ExitCode);
        Assert.False(File.Exists(_folder["d/kms.sock"]));
    }

    [Fact]
    public async Task A_later_start_has_the_same_keys()
    {
        string keyId;
        IReadOnlyList<int> children;
        await using (DevEnclave first = await StartAsync())
        {
            keyId = first.KeyId;
            children = first.ChildProcessIds();
            Assert.Equal(2, children.Count);
        }

        Assert.All(children, child => Assert.True(DevEnclave.Ended(child)));

        await using DevEnclave second = await StartAsync();

        Assert.StartsWith("cl1-", keyId, StringComparison.Ordinal);
        Assert.Equal(keyId, second.KeyId);
        (await CliProcess.RunAsync("probe", "--socket", second.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task Killed_it_takes_broker_and_enclave_along_and_its_folder_can_be_used_at_once()
    {
        await using DevEnclave killed = await StartAsync();
        IReadOnlyList<int> children = killed.ChildProcessIds();
        Assert.Equal(2, children.Count);
        await killed.Process.KillAsync();

        await using DevEnclave next = await StartAsync();

        Assert.Equal(killed.KeyId, next.KeyId);
        await Eventually.TrueAsync(() => children.All(DevEnclave.Ended), "broker and enclave have ended");
    }

    [Fact]
    public async Task A_broker_that_ends_ends_it()
    {
        await using DevEnclave dev = await StartAsync();
        using (System.Diagnostics.Process broker = System.Diagnostics.Process.GetProcessById(dev.ChildProcessIds()[0]))
        {
            Assert.Equal("cloister-broker", broker.ProcessName);
            broker.Kill();
        }

        await dev.Process.WaitForExitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(ExitCode.Usage, dev.Process.ExitCode);
        Assert.Contains("the broker ended by itself", dev.Process.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_KEK_belongs_to_its_cluster()
    {
        await using (await StartAsync())
        {
        }

        CliResult other = await CliProcess.RunAsync("dev", "--dir", _folder["d"], "--custody", "attested", "--cluster", "other");

        Assert.Equal(ExitCode.Usage, other.ExitCode);
        Assert.Contains("has KEK dev for cluster dev", other.Errors, StringComparison.Ordinal);
        Assert.Equal("", other.Output);
    }

    private async Task<DevEnclave> StartAsync()
    {
        DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        JsonNode broker = dev.Ready["broker"]!;
        Assert.StartsWith("https://127.0.0.1:", (string)broker["url"]!, StringComparison.Ordinal);
        Assert.StartsWith("sha256:", (string)broker["pin"]!, StringComparison.Ordinal);
        return dev;
    }
}
