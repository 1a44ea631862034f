using System.CommandLine;
using Cloister.Cli.Brokers;
using Cloister.Cli.Output;
using Spectre.Console;

namespace Cloister.Cli.Demo;

/// <summary><c>cloister demo</c>: the baseline and the talk's demonstrations, measured and scanned.</summary>
internal static class DemoCommand
{
    private const string NoHarness = "eng/apiserver-harness has not built API server and etcd on this machine";

    internal static Command Create()
    {
        Option<int> secrets = new("--secrets") { Description = "Secrets to write and read in each scenario", DefaultValueFactory = _ => 300 };
        CliOutput.Range(secrets, 1, 100_000);
        Option<int> latency = new("--kms-latency-ms") { Description = "what one call of the baseline's software KMS takes", DefaultValueFactory = _ => 5 };
        CliOutput.Range(latency, 0, 60_000);
        Option<string> html = new("--html") { Description = "writes all of it into this file as well, as one page: tables, latencies, and which process held which key" };
        CliOutput.NotEmpty(html);
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("demo", "Run the baseline and the demonstrations on this machine: remote calls, latency, and where keys stand in memory. Exit 0 when everything held.")
        {
            secrets, latency, html, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using DemoPageFile? page = parsed.GetValue(html) is { } path ? DemoPageFile.Open(path) : null;
            DemoOutcome outcome = await RunAsync(parsed.GetValue(secrets), parsed.GetValue(latency), cancellation);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(outcome.ToJson());
            }
            else
            {
                DemoReport.Write(outcome, parsed.GetValue(latency));
            }

            page?.Write(DemoPage.Render(outcome.ToJson(), parsed.GetValue(latency), DateTimeOffset.UtcNow));
            return outcome.Held ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static async Task<DemoOutcome> RunAsync(int secrets, int latency, CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("cloister-demo-").FullName;
        try
        {
            List<DemoResult> results = [];
            List<(string Title, string Why)> leftOut = [];
            await using DevelopmentBroker started = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(Path.Combine(folder, "broker")), new DevelopmentBrokerOptions(), cancellation);
            DemoBroker broker = new(started);
            async Task RunOneAsync(DemoScenario scenario, DemoBroker with)
            {
                Tell(scenario.Title);
                results.Add(await DemoRun.RunAsync(folder, scenario, with, secrets, latency, cancellation));
            }

            await RunOneAsync(DemoScenario.Baseline, broker);
            await RunOneAsync(DemoScenario.Remote, broker);
            if (SoftHsmToken.Missing is { } why)
            {
                leftOut.Add((DemoScenario.Token.Title, why));
            }
            else
            {
                DevelopmentBrokerOptions options = await SoftHsmToken.MakeAsync(Path.Combine(folder, "softhsm"), cancellation);
                await using DevelopmentBroker token = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(Path.Combine(folder, "token-broker")), options, cancellation);
                await RunOneAsync(DemoScenario.Token, new DemoBroker(token));
            }

            await RunOneAsync(DemoScenario.Manual, broker);
            await RunOneAsync(DemoScenario.Attested, broker);
            SecretTrace? way = null;
            EndToEnd? endToEnd = null;
            if (ApiServerHarness.Find() is { } harness)
            {
                Tell(DemoScenario.Gateway.Title);
                (DemoResult result, way) = await GatewayRun.RunAsync(harness, folder, broker, secrets, cancellation);
                results.Add(result);
                await RunOneAsync(DemoScenario.Stock, broker);
                Tell("end to end, with real API-server code, KMS v2 and etcd");
                endToEnd = await EndToEnd.RunAsync(harness, folder, cancellation);
            }
            else
            {
                leftOut.Add((DemoScenario.Gateway.Title, NoHarness));
                await RunOneAsync(DemoScenario.Stock, broker);
            }

            Tell("refusals");
            IReadOnlyList<(string Case, string Step, bool Refused)> refusals =
                [.. await DemoRefusals.RunAsync(folder, cancellation), .. await AttestedRefusals.RunAsync(folder, broker, cancellation)];
            Tell("restarts while the broker is away");
            RestartWithoutBroker restart = await RestartWithoutBroker.RunAsync(folder, broker, cancellation);
            return new DemoOutcome
            {
                Results = results,
                LeftOut = leftOut,
                Refusals = [.. refusals, ("restart while the broker is away, no sealed copy", "Status", restart.StopsWithoutSealedCopy)],
                Restart = restart,
                Way = way,
                EndToEnd = endToEnd,
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Tell(string what) => CliOutput.Messages.WriteLine($"running: {what}");
}
