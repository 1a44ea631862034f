using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Probe;

/// <summary><c>cloister probe</c>: what an API server would see on a KMS socket.</summary>
internal static class ProbeCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    internal static Command Create()
    {
        Option<string> socket = CliOutput.Path("--socket", "the KMS socket");
        Option<string> api = new("--api") { Description = "v1, v2 or both", DefaultValueFactory = _ => "both" };
        api.AcceptOnlyFromAmong("v1", "v2", "both");
        Option<int> count = new("--count") { Description = "calls of each kind", DefaultValueFactory = _ => 100 };
        CliOutput.Range(count, 1, 1_000_000);
        Option<int> timeout = new("--timeout-ms") { Description = "deadline of each call, as an API server sets it", DefaultValueFactory = _ => 3000 };
        CliOutput.Range(timeout, 1, 600_000);
        Option<int> wait = new("--wait") { Description = "seconds to go on asking until all is as it should be; for services that start", DefaultValueFactory = _ => 0 };
        CliOutput.Range(wait, 0, 3600);
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("probe", "Act as an API server on a KMS socket: Status, Encrypt, Decrypt, both API versions, with latencies. Exit 0 when all is as it should be, 2 when not.")
        {
            socket, api, count, timeout, wait, output,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(socket)!,
            parsed.GetValue(api)!,
            parsed.GetValue(count),
            TimeSpan.FromMilliseconds(parsed.GetValue(timeout)),
            TimeSpan.FromSeconds(parsed.GetValue(wait)),
            parsed.GetValue(output),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string socket, string api, int count, TimeSpan timeout, TimeSpan wait, OutputFormat output, CancellationToken cancellation)
    {
        List<ProbeReport> reports = await ProbeUntilAsync(socket, api, count, timeout, wait, cancellation);
        bool passed = Passed(reports);
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["ok"] = passed,
                ["socket"] = Path.GetFullPath(socket),
                ["apis"] = new JsonArray([.. reports.Select(report => (JsonNode)report.ToJson())]),
            });
        }
        else
        {
            ProbeReport.Print(reports);
        }

        return passed ? ExitCode.Done : ExitCode.No;
    }

    // The last attempt is made after the wait, and its answer is the one that counts.
    private static async Task<List<ProbeReport>> ProbeUntilAsync(string socket, string api, int count, TimeSpan timeout, TimeSpan wait, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + (long)wait.TotalMilliseconds;
        while (Environment.TickCount64 < deadline)
        {
            try
            {
                if (await ProbeAsync(socket, api, count, timeout, cancellation) is var reports && Passed(reports))
                {
                    return reports;
                }
            }
            catch (Exception e) when (e is CliException or RpcException)
            {
                // Not there yet.
            }

            await Task.Delay(Pause, cancellation);
        }

        return await ProbeAsync(socket, api, count, timeout, cancellation);
    }

    private static async Task<List<ProbeReport>> ProbeAsync(string socket, string api, int count, TimeSpan timeout, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        CallInvoker invoker = channel.CreateCallInvoker();
        List<ProbeReport> reports = [];
        if (api is "v2" or "both")
        {
            reports.Add(await KmsV2Probe.RunAsync(invoker, count, timeout, cancellation));
        }

        if (api is "v1" or "both")
        {
            reports.Add(await KmsV1Probe.RunAsync(invoker, count, timeout, cancellation));
        }

        return reports;
    }

    private static bool Passed(List<ProbeReport> reports) => reports.TrueForAll(report => report.Passed);
}
