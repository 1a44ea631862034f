using System.Net.Sockets;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Probe;

[Collection(nameof(Alone))]
public sealed class ProbeTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_socket_that_is_not_there()
    {
        (await CliProcess.RunAsync("probe", "--socket", _folder["kms.sock"])).MustBeRefused($"{_folder["kms.sock"]} does not exist");
        (await CliProcess.RunAsync("probe", "--socket", "")).MustBeRefused("--socket");
        (await CliProcess.RunAsync("probe")).MustBeRefused("--socket");
    }

    [Fact]
    public async Task A_socket_on_which_nobody_answers()
    {
        using (Socket left = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(_folder["left.sock"]));
            File.Move(_folder["left.sock"], _folder["kms.sock"]);
        }

        CliResult result = await CliProcess.RunAsync("probe", "--socket", _folder["kms.sock"], "-o", "json");

        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.Contains("does not answer", (string)result.Json["apis"]![0]!["checks"]![0]!["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waiting_ends_when_the_enclave_answers_and_when_the_time_is_over()
    {
        await using CliProcess waiting = CliProcess.Start("probe", "--socket", _folder["d/kms.sock"], "--api", "v2", "--count", "1", "--wait", "60");
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        await waiting.WaitForExitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(ExitCode.Done, waiting.ExitCode);

        (await CliProcess.RunAsync("probe", "--socket", _folder["none.sock"], "--wait", "1")).MustBeRefused("does not exist");
    }

    [Theory]
    [InlineData("--wait", "-1")]
    [InlineData("--count", "0")]
    [InlineData("--count", "many")]
    [InlineData("--timeout-ms", "0")]
    [InlineData("--api", "v3")]
    [InlineData("--output", "xml")]
    public async Task Bad_values_are_refused(string option, string value) =>
        (await CliProcess.RunAsync("probe", "--socket", _folder["kms.sock"], option, value)).MustBeRefused(value == "many" ? value : value == "v3" || value == "xml" ? value : option);

    [Fact]
    public async Task A_good_enclave_and_then_a_wiped_one()
    {
        // What looks like markup to the table writer is only text.
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["[red]d[/]"]);

        CliResult json = (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "5", "--output", "json")).MustSucceed();
        Assert.Equal("\n", json.Errors);
        Assert.True((bool)json.Json["ok"]!);
        Assert.Equal(dev.KmsSocket, (string)json.Json["socket"]!);
        Assert.Equal(["v2", "v1"], json.Json["apis"]!.AsArray().Select(api => (string)api!["api"]!));
        foreach (JsonNode? api in json.Json["apis"]!.AsArray())
        {
            Assert.Equal("simulated", (string)api!["tee"]!);
            Assert.Equal(5, (int)api["latencies"]!["encrypt"]!["calls"]!);
            Assert.All(api["checks"]!.AsArray(), check => Assert.True((bool)check!["passed"]!, check.ToJsonString()));
        }

        CliResult v1 = (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "2", "--api", "v1", "-o", "json")).MustSucceed();
        Assert.Equal("v1", (string)Assert.Single(v1.Json["apis"]!.AsArray())!["api"]!);

        CliResult table = (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "2")).MustSucceed();
        Assert.Contains(dev.KeyId, table.Output, StringComparison.Ordinal);
        Assert.Contains("SIMULATED", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("FAILED", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', table.Output);

        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket)).MustBeRefused("--yes-wipe");
        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket, "--yes-wipe", "other")).MustBeRefused("'tee'");
        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket, "--yes-wipe", "tee")).MustSucceed();

        CliResult wiped = await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "2", "-o", "json");
        Assert.Equal(ExitCode.No, wiped.ExitCode);
        Assert.False((bool)wiped.Json["ok"]!);
        string detail = (string)Assert.Single(wiped.Json["apis"]![0]!["checks"]!.AsArray())!["detail"]!;
        Assert.Contains("FailedPrecondition", detail, StringComparison.Ordinal);
        Assert.Contains("KEK", detail, StringComparison.Ordinal);

        CliResult told = await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "2");
        Assert.Equal(ExitCode.No, told.ExitCode);
        Assert.Contains("FAILED", told.Output, StringComparison.Ordinal);
    }
}
