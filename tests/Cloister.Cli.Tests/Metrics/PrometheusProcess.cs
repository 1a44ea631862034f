using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Deploy;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Prometheus on loopback, which scrapes a stack each second and has the project's alerts.</summary>
internal sealed partial class PrometheusProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client;

    private PrometheusProcess(Process process, string address)
    {
        _process = process;
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://{address}") };
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts it, or skips the test where there is none.</summary>
    /// <param name="stack">What it scrapes.</param>
    /// <param name="shorter">What minutes and hours in <c>for</c> of the alerts are divided by; 1: as they are.</param>
    internal static async Task<PrometheusProcess> StartAsync(ObservedStack stack, int shorter)
    {
        Assert.SkipUnless(DeployFiles.Has("prometheus"), "no prometheus in PATH: apt-get install prometheus");
        string rules = await File.ReadAllTextAsync(DeployFiles.File("prometheus", "cloister.rules.yaml"), Stop);
        await File.WriteAllTextAsync(stack.Folder["rules.yaml"], For().Replace(rules, one => $"for: {Seconds(one) / shorter}s"), Stop);
        await File.WriteAllTextAsync(stack.Folder["prometheus.yaml"], $$"""
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [{{stack.Folder["rules.yaml"]}}]
            scrape_configs:
            - {job_name: cloister-enclave, static_configs: [{targets: ["{{stack.ExporterAddress}}"]}]}
            - {job_name: cloister-relay, static_configs: [{targets: ["{{stack.RelayAddress}}"]}]}
            - {job_name: cloister-broker, scheme: https, tls_config: {insecure_skip_verify: true}, static_configs: [{targets: ["{{stack.BrokerAddress}}"]}]}
            """, Stop);
        string address = $"127.0.0.1:{LoopbackPort.Free()}";
        ProcessStartInfo start = new("prometheus",
        [
            "--config.file", stack.Folder["prometheus.yaml"], "--storage.tsdb.path", stack.Folder["prometheus"], "--web.listen-address", address, "--log.level", "error",
        ]) { RedirectStandardError = true, RedirectStandardOutput = true };
        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        PrometheusProcess prometheus = new(process, address);
        try
        {
            await Eventually.TrueAsync(prometheus.ScrapesAllAsync, "Prometheus scrapes every program", TimeSpan.FromMinutes(2));
            return prometheus;
        }
        catch
        {
            await prometheus.DisposeAsync();
            throw;
        }
    }

    /// <summary>Samples of an expression, now.</summary>
    internal async Task<int> CountAsync(string expression)
    {
        JsonNode answer = await GetAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}");
        Assert.Equal("success", (string?)answer["status"]);
        return answer["data"]!["result"]!.AsArray().Count;
    }

    /// <summary>Names of alerts that fire.</summary>
    internal async Task<IReadOnlyList<string>> FiringAsync()
    {
        JsonNode answer = await GetAsync("/api/v1/alerts");
        return [.. answer["data"]!["alerts"]!.AsArray().Where(alert => (string?)alert!["state"] == "firing").Select(alert => (string)alert!["labels"]!["alertname"]!).Distinct().Order()];
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private async Task<bool> ScrapesAllAsync()
    {
        try
        {
            return await CountAsync("up == 1") == 3;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await _client.GetStringAsync(new Uri(path, UriKind.Relative), Stop))!;

    private static int Seconds(Match time) => int.Parse(time.Groups[1].Value, CultureInfo.InvariantCulture) * (time.Groups[2].Value switch { "m" => 60, "h" => 3600, _ => 86_400 });

    [GeneratedRegex(@"for: (\d+)([mhd])\b")]
    private static partial Regex For();
}
