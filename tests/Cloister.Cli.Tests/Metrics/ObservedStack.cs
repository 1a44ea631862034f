using System.Diagnostics;
using System.Net;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>
/// A small installation as processes, each with its metrics: etcd, a broker, an enclave of its with the gateway, the exporter, and a relay in front of the KMS socket.
/// </summary>
internal sealed class ObservedStack : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private EtcdProcess _etcd = null!;
    private ChildProgram? _enclave;
    private CliProcess? _exporter;
    private CliProcess? _relay;

    /// <summary>The broker, which can be killed and started again.</summary>
    internal DevelopmentBroker Broker { get; private set; } = null!;

    /// <summary>Where files can be left.</summary>
    internal ScratchFolder Folder => _folder;

    internal string KmsSocket => _folder["d/kms.sock"];

    internal string AdminSocket => _folder["d/admin.sock"];

    /// <summary>The KMS socket behind the relay.</summary>
    internal string RelaySocket => _folder["relay.sock"];

    internal string Etcd => _etcd.Url;

    /// <summary>ADDRESS:PORT of the exporter.</summary>
    internal string ExporterAddress { get; } = $"127.0.0.1:{LoopbackPort.Free()}";

    /// <summary>ADDRESS:PORT of the relay's metrics.</summary>
    internal string RelayAddress { get; } = $"127.0.0.1:{LoopbackPort.Free()}";

    /// <summary>HOST:PORT of the broker.</summary>
    internal string BrokerAddress => new Uri(Broker.Url).Authority;

    /// <summary>What broker and enclave logged.</summary>
    internal string Logs => $"{_enclave?.Said}\n{_exporter?.Errors}\n{_relay?.Errors}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts everything, or skips the test where there is no etcd.</summary>
    internal static async Task<ObservedStack> StartAsync(params string[] exporterOptions)
    {
        ObservedStack stack = new();
        try
        {
            await stack.StartPartsAsync(exporterOptions);
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    /// <summary>Leaves what 'cloister etcd' says in a file, as a timer would.</summary>
    internal async Task ReportAsync(string file, params string[] command)
    {
        CliResult report = (await CliProcess.RunAsync(["etcd", .. command, "--endpoints", Etcd, "-o", "json"])).MustSucceed();
        await File.WriteAllTextAsync(_folder[file], report.Output, Stop);
    }

    /// <summary>SIGKILL to the broker.</summary>
    internal async Task KillBrokerAsync()
    {
        using Process kill = Process.Start("kill", ["-KILL", $"{Broker.ProcessId}"]);
        await kill.WaitForExitAsync(Stop);
        await Broker.Ended;
    }

    /// <summary>Stops the enclave in order.</summary>
    internal Task StopEnclaveAsync() => _enclave!.StopAsync();

    /// <summary>How a command of an administrator finds the broker.</summary>
    internal string[] BrokerOptions => Broker.CommandOptions.Split(' ');

    /// <summary>Reads and writes through the gateway, as an API server does.</summary>
    internal Dev.GatewayClient ThroughGateway() => new(_folder, "d");

    /// <summary>A scrape, with another Host than the address.</summary>
    internal static async Task<HttpResponseMessage> GetAsync(string address, string path, bool tls = false)
    {
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null;
        using HttpClient client = new(handler);
        using HttpRequestMessage request = new(HttpMethod.Get, $"{(tls ? "https" : "http")}://{address}{path}");
        request.Headers.Host = "metrics.example:9999";
        return await client.SendAsync(request, Stop);
    }

    internal Task<string> ScrapeExporterAsync() => ScrapeAsync(ExporterAddress);

    internal Task<string> ScrapeRelayAsync() => ScrapeAsync(RelayAddress);

    internal Task<string> ScrapeBrokerAsync() => ScrapeAsync(BrokerAddress, tls: true);

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable? part in new IAsyncDisposable?[] { _exporter, _relay, _enclave, Broker, _etcd })
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }

        _folder.Dispose();
    }

    private static async Task<string> ScrapeAsync(string address, bool tls = false)
    {
        using HttpResponseMessage answer = await GetAsync(address, "/metrics", tls);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        return await answer.Content.ReadAsStringAsync(Stop);
    }

    private async Task StartPartsAsync(string[] exporterOptions)
    {
        _etcd = await EtcdProcess.StartAsync(_folder.Path);

        // Leaves a folder with a KEK and a policy for this enclave.
        await (await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", _etcd.Url)).DisposeAsync();
        Programs.NameThem();
        Broker = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(_folder["d/broker"]), new DevelopmentBrokerOptions(), Stop);
        _enclave = Programs.StartEnclave(_folder["d/enclave.yaml"]);
        _exporter = CliProcess.Start(["metrics", "--admin-socket", AdminSocket, "--listen", ExporterAddress, .. exporterOptions.Select(option => option.Replace("DIR", _folder.Path, StringComparison.Ordinal))]);
        _relay = CliProcess.Start("relay", "--listen", $"unix:{RelaySocket}", "--target", $"unix:{KmsSocket}", "--metrics", RelayAddress);
        Assert.StartsWith("ready ", await _exporter.ReadLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("ready ", await _relay.ReadLineAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(
            async () => (await ScrapeExporterAsync()).Contains($"cloister_healthy{{socket=\"{AdminSocket}\"}} 1\n", StringComparison.Ordinal), "the enclave has a lease", TimeSpan.FromMinutes(2));
    }
}
