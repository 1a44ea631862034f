using System.Globalization;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Tests.Harness;
using Grpc.Net.Client;
using Spectre.Console;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rewrap</c> that is killed and run again, and how it shows how far it is.</summary>
public sealed class ResumedRewrapTests : IDisposable
{
    private const int Count = 60;

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Killed_in_the_middle_and_run_again_it_has_written_every_key_once()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await StartWithStaleValuesAsync(etcd);
        string[] command = ["etcd", "rewrap", "--endpoints", etcd.Url, "--socket", (string)dev.Ready["secretsSocket"]!, "-o", "json"];
        await using (CliProcess slow = CliProcess.Start([.. command, "--rate", "1"]))
        {
            await Eventually.TrueAsync(async () => await VersionAsync(etcd, 4) == 2, "it has begun to write", TimeSpan.FromMinutes(2));

            // Elsewhere than on a terminal: lines, with the whole and the part.
            await Eventually.TrueAsync(() => slow.Errors.Contains($" of {Count} keys (", StringComparison.Ordinal), "it says how far it is", TimeSpan.FromMinutes(2));
            await slow.KillAsync();
        }

        long[] versions = await VersionsAsync(etcd);
        int written = versions.Count(version => version == 2);
        Assert.True(written is > 4 and < Count, $"{written} were written: neither none nor all");
        Assert.Equal(Count - written, versions.Count(version => version == 1));

        CliResult again = (await CliProcess.RunAsync([.. command, "--rate", "0"])).MustSucceed();
        Assert.Equal((written, Count - written), ((int)again.Json["current"]!, (int)again.Json["rewrapped"]!));
        Assert.All(await VersionsAsync(etcd), version => Assert.Equal(2, version));
    }

    [Fact]
    public async Task On_a_terminal_it_draws_a_bar_that_comes_to_the_end()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await StartWithStaleValuesAsync(etcd);
        using StringWriter drawn = new();
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(drawn), Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes });
        terminal.Profile.Width = 160;
        using EtcdClient client = new(EtcdOptions.Create(etcd.Url, null, null, null));
        using GrpcChannel channel = EnclaveChannel.Open((string)dev.Ready["secretsSocket"]!);
        EtcdRewrap rewrap = new(client, new EnclaveSecrets(channel), new RewrapOptions("/registry/secrets/", PageSize: 7), TimeProvider.System);
        await new RewrapProgress(terminal, terminal: true, TimeProvider.System).RunAsync(rewrap, Stop);

        Assert.Equal((Count, Count), (rewrap.Total, rewrap.Counts.Rewrapped));
        Assert.Contains($"{Count} of {Count} keys, {Count} written, 0 current already", drawn.ToString(), StringComparison.Ordinal);
        Assert.Contains("100%", drawn.ToString(), StringComparison.Ordinal);
        Assert.Contains("━", drawn.ToString(), StringComparison.Ordinal);
    }

    // Each written once, under a KEK that is the old one then.
    private async Task<DevEnclave> StartWithStaleValuesAsync(EtcdProcess etcd)
    {
        DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        for (int i = 0; i < Count; i++)
        {
            await secrets.PutAsync(Name(i), "value");
        }

        (await CliProcess.RunAsync("kek", "create", "--socket", dev.AdminSocket, "--name", "dev")).MustSucceed();
        return dev;
    }

    private static async Task<long> VersionAsync(EtcdProcess etcd, int i) => (await etcd.GetAsync(SecretsClient.Key(Name(i)))).Version;

    private static async Task<long[]> VersionsAsync(EtcdProcess etcd)
    {
        long[] versions = new long[Count];
        for (int i = 0; i < Count; i++)
        {
            versions[i] = await VersionAsync(etcd, i);
        }

        return versions;
    }

    private static string Name(int i) => i.ToString("000", CultureInfo.InvariantCulture);
}
