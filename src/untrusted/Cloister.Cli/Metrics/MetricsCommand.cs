using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Metrics;

/// <summary><c>cloister metrics</c>: the enclave's state for Prometheus. It stands outside the enclave, so the measured code has no HTTP endpoint more.</summary>
internal static class MetricsCommand
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    internal static Command Create()
    {
        Option<string[]> sockets = new("--admin-socket", "--socket") { Description = "the enclave's admin socket; may be repeated", Required = true };
        Option<string[]> reports = new("--report")
        {
            Description = "file in which a timer leaves what 'cloister etcd coverage -o json' or 'cloister etcd rotation status -o json' prints; may be repeated",
        };
        Option<IPEndPoint?> listen = MetricsServer.Option("--listen", "address:port to serve /metrics, /livez and /readyz on, until SIGTERM; without it the metrics are printed once");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("metrics", "Print or serve the state of enclaves in Prometheus' text format. Exit 2 when printing and one does not answer.") { sockets, reports, listen, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            string[] paths = parsed.GetValue(sockets)!;
            string[] files = parsed.GetValue(reports) ?? [];
            RefuseAmbiguous(files);
            if (parsed.GetValue(listen) is { } end)
            {
                MetricsServer server = new(MetricsServer.Listen("--listen", end), async stop => Text(await ReadAsync(paths, stop), files), stop => ReadyAsync(paths, stop));
                await Console.Out.WriteLineAsync($"ready http://{end}/metrics");
                await server.RunAsync(cancellation);
                return ExitCode.Done;
            }

            Enclave[] enclaves = await ReadAsync(paths, cancellation);
            string text = Text(enclaves, files);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["text"] = text });
            }
            else
            {
                Console.Out.Write(text);
            }

            return Array.TrueForAll(enclaves, enclave => enclave.State is not null) ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    // The name without its extension tells reports apart.
    private static void RefuseAmbiguous(string[] files)
    {
        if (files.GroupBy(Path.GetFileNameWithoutExtension).FirstOrDefault(one => one.Count() > 1) is { } same)
        {
            throw new CliException($"--report: {string.Join(" and ", same)} have one name, which is their label: rename one");
        }
    }

    private static string Text(Enclave[] enclaves, string[] files)
    {
        PrometheusText text = new();
        MetricsText.Write(text, [.. enclaves.Select(one => (one.Socket, one.State))]);
        text.Gauge("cloister_exporter_read_seconds", "How long the enclave took to say its state.", enclaves.Select(one => (PrometheusText.Labels(("socket", one.Socket)), one.Took.TotalSeconds)));
        ReportMetrics.Write(text, files);
        return text.ToString();
    }

    private static async Task<string?> ReadyAsync(string[] sockets, CancellationToken cancellation)
    {
        string[] silent = [.. (await ReadAsync(sockets, cancellation)).Where(one => one.State is null).Select(one => one.Socket)];
        return silent.Length == 0 ? null : $"no answer: {string.Join(", ", silent)}";
    }

    private static Task<Enclave[]> ReadAsync(string[] sockets, CancellationToken cancellation) => Task.WhenAll(sockets.Distinct().Select(socket => ReadAsync(socket, cancellation)));

    private static async Task<Enclave> ReadAsync(string socket, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            EnclaveState state = await new Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow + Timeout, cancellationToken: cancellation);
            return new Enclave(socket, state, Stopwatch.GetElapsedTime(began));
        }
        catch (Exception e) when (e is RpcException or CliException && !cancellation.IsCancellationRequested)
        {
            return new Enclave(socket, null, Stopwatch.GetElapsedTime(began));
        }
    }

    private sealed record Enclave(string Socket, EnclaveState? State, TimeSpan Took);
}
