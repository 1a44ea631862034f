using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Cloister.Cli.Metrics;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Tests.Metrics;

public sealed partial class MetricsTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task State_and_counters_of_a_live_enclave_and_of_one_that_is_not_there()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--api", "v2", "--count", "3")).MustSucceed();

        CliResult result = await CliProcess.RunAsync("metrics", "--socket", dev.AdminSocket, "--socket", _folder["none.sock"]);

        Assert.Equal(ExitCode.No, result.ExitCode);
        Dictionary<string, double> samples = Parse(result.Output);
        Assert.Equal(1, samples[$"cloister_up{{socket=\"{dev.AdminSocket}\"}}"]);
        Assert.Equal(0, samples[$"cloister_up{{socket=\"{_folder["none.sock"]}\"}}"]);
        Assert.Equal(1, samples[$"cloister_healthy{{socket=\"{dev.AdminSocket}\"}}"]);
        Assert.True(samples[$"cloister_encryptions_total{{socket=\"{dev.AdminSocket}\"}}"] >= 3);
        Assert.True(samples[$"cloister_failures_total{{socket=\"{dev.AdminSocket}\"}}"] >= 1, "the probe asks once with a wrong key_id");
        Assert.Equal(1, samples[$"cloister_active_key_info{{socket=\"{dev.AdminSocket}\",key_id_hash=\"{MetricsText.Hash(dev.KeyId)}\"}}"]);
        Assert.Contains(samples.Keys, name => name.Contains("tee=\"simulated\",custody=\"manual\"", StringComparison.Ordinal));

        (await CliProcess.RunAsync("kek", "wipe", "--socket", dev.AdminSocket, "--yes-wipe", (string)dev.Ready["provider"]!)).MustSucceed();
        samples = Parse((await CliProcess.RunAsync("metrics", "--socket", dev.AdminSocket)).MustSucceed().Output);
        Assert.Equal(0, samples[$"cloister_healthy{{socket=\"{dev.AdminSocket}\"}}"]);
        Assert.DoesNotContain(samples.Keys, name => name.StartsWith("cloister_active_key_info", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Served_until_told_to_stop()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        int port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        await using CliProcess metrics = CliProcess.Start("metrics", "--socket", dev.AdminSocket, "--listen", $"127.0.0.1:{port}");
        Assert.Equal($"ready http://127.0.0.1:{port}/metrics", await metrics.ReadLineAsync());

        using HttpClient client = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using HttpResponseMessage response = await client.GetAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(1, Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))[$"cloister_healthy{{socket=\"{dev.AdminSocket}\"}}"]);
        using HttpResponseMessage other = await client.GetAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);

        CliResult second = await CliProcess.RunAsync("metrics", "--socket", dev.AdminSocket, "--listen", $"127.0.0.1:{port}");
        second.MustBeRefused("take a free port");
        metrics.Signal(CliProcess.SigTerm);
        await metrics.WaitForExitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(ExitCode.Done, metrics.ExitCode);
    }

    [Fact]
    public void Texts_of_an_enclave_cannot_break_out_of_the_format()
    {
        EnclaveState state = new() { Tee = "a\"b\\c\nd", Health = "ok\ncloister_up 5", Provider = "p", MemoryProtection = "KEYS NOT LOCKED IN MEMORY" };
        state.Counters.Add(new Counter { Name = "bad name{}\n", Value = 1 });
        state.Counters.Add(new Counter { Name = "ready_deks", Value = 7 });
        Dictionary<string, double> samples = Parse(MetricsText.Write([("/s", state)]));
        Assert.Equal(7, samples["cloister_ready_deks{socket=\"/s\"}"]);
        Assert.Equal(0, samples["cloister_healthy{socket=\"/s\"}"]);
        Assert.Equal(0, samples["cloister_keys_locked_in_memory{socket=\"/s\"}"]);
        Assert.Contains(samples.Keys, name => name.Contains("tee=\"a\\\"b\\\\c\\nd\"", StringComparison.Ordinal));
        Assert.DoesNotContain(samples.Keys, name => name.Contains("bad", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:0")]
    public async Task Bad_addresses_are_refused(string listen) =>
        (await CliProcess.RunAsync("metrics", "--socket", _folder["s"], "--listen", listen)).MustBeRefused("ADDRESS:PORT");

    // Every line is a comment or a sample; anything else fails.
    private static Dictionary<string, double> Parse(string text)
    {
        Dictionary<string, double> samples = new(StringComparer.Ordinal);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#'))
        {
            Match match = Sample().Match(line);
            Assert.True(match.Success, line);
            Assert.True(samples.TryAdd(match.Groups[1].Value, double.Parse(match.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture)), $"twice: {line}");
        }

        return samples;
    }

    [GeneratedRegex("""^([a-z_]+\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\}) ([0-9.E+-]+)$""")]
    private static partial Regex Sample();
}
