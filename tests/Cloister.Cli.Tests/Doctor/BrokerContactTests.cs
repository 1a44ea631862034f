using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Doctor;

/// <summary>A broker that goes away in the middle of a lease, long before the renewal: known within a minute, and so is that it is back.</summary>
public sealed class BrokerContactTests : IDisposable
{
    private static readonly TimeSpan Promised = TimeSpan.FromMinutes(1);

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    // Killed, its connections end; halted, they stay and nothing comes: only who asks finds out.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_is_known_within_a_minute_that_it_is_away_and_that_it_is_back(bool killed)
    {
        // Leaves a folder with a KEK and a policy for this enclave.
        await (await DevEnclave.StartAsync(_folder["d"], "--custody", "attested")).DisposeAsync();
        Programs.NameThem();
        await using DevelopmentBroker broker = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(_folder["d/broker"]), new DevelopmentBrokerOptions(), Stop);
        await using ChildProgram enclave = Programs.StartEnclave(_folder["d/enclave.yaml"]);
        try
        {
            await SaysAsync(broker, reachable: true);
            Assert.Equal("ok", await CheckAsync());

            await SignalAsync(broker, killed ? "KILL" : "STOP");
            await SaysAsync(broker, reachable: false);
            Assert.Equal("error", await CheckAsync());
            JsonNode known = (await CliProcess.RunAsync("kek", "list", "--admin-socket", _folder["d/admin.sock"], "-o", "json")).MustSucceed().Json["lease"]!["brokers"]![0]!;
            Assert.Equal(broker.Url, ((string)known["broker"]!).TrimEnd('/'));
            Assert.True((bool)known["answered"]! && (bool)known["failing"]!, known.ToJsonString());
            Assert.NotEqual("", (string)known["failure"]!);

            // The lease lasts.
            (await CliProcess.RunAsync("probe", "--socket", _folder["d/kms.sock"], "--count", "3")).MustSucceed();

            if (killed)
            {
                await broker.Ended;
                await broker.RestartAsync(Stop);
            }
            else
            {
                await SignalAsync(broker, "CONT");
            }

            await SaysAsync(broker, reachable: true);
            Assert.Equal("ok", await CheckAsync());
        }
        finally
        {
            await SignalAsync(broker, "CONT");
            await enclave.StopAsync();
        }
    }

    private static async Task SignalAsync(DevelopmentBroker broker, string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{broker.ProcessId}"]);
        await kill.WaitForExitAsync(Stop);
    }

    // All the time with a lease.
    private async Task SaysAsync(DevelopmentBroker broker, bool reachable)
    {
        string socket = _folder["d/admin.sock"];
        string line = $"cloister_broker_reachable{{socket=\"{socket}\",broker=\"{broker.Url}\"}} {(reachable ? 1 : 0)}\n";
        string metrics = "";
        await Eventually.TrueAsync(
            async () =>
            {
                CliResult result = await CliProcess.RunAsync("metrics", "--admin-socket", socket);
                metrics = result.ExitCode == 0 ? result.Output : "";
                return metrics.Contains(line, StringComparison.Ordinal) && metrics.Contains($"cloister_lease_held{{socket=\"{socket}\"}} 1\n", StringComparison.Ordinal);
            },
            line,
            Promised);
    }

    private async Task<string> CheckAsync()
    {
        CliResult doctor = await CliProcess.RunAsync("doctor", "--socket", _folder["d/kms.sock"], "--admin-socket", _folder["d/admin.sock"], "-o", "json");
        return (string)doctor.Json["checks"]!.AsArray().Single(check => (string)check!["id"]! == "broker-contact")!["state"]!;
    }
}
