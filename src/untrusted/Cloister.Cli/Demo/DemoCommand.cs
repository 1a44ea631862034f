using System.CommandLine;
using System.Text.Json.Nodes;
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
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("demo", "Run the baseline and the demonstrations on this machine: remote calls, latency, and where keys stand in memory. Exit 0 when everything held.")
        {
            secrets, latency, output,
        };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(secrets), parsed.GetValue(latency), parsed.GetValue(output), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(int secrets, int latency, OutputFormat output, CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("cloister-demo-").FullName;
        try
        {
            List<DemoResult> results = [];
            await using DevelopmentBroker started = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(Path.Combine(folder, "broker")), showLog: false, cancellation);
            DemoBroker broker = new(started);
            foreach (DemoScenario scenario in (DemoScenario[])[DemoScenario.Baseline, DemoScenario.Remote, DemoScenario.Manual, DemoScenario.Attested, DemoScenario.Stock])
            {
                CliOutput.Messages.WriteLine($"running: {scenario.Title}");
                results.Add(await DemoRun.RunAsync(folder, scenario, broker, secrets, latency, cancellation));
            }

            CliOutput.Messages.WriteLine("running: refusals");
            IReadOnlyList<(string Case, string Step, bool Refused)> refusals =
                [.. await DemoRefusals.RunAsync(folder, cancellation), .. await AttestedRefusals.RunAsync(folder, broker, cancellation)];
            CliOutput.Messages.WriteLine("running: restarts while the broker is away");
            RestartWithoutBroker restart = await RestartWithoutBroker.RunAsync(folder, broker, cancellation);
            refusals = [.. refusals, ("restart while the broker is away, no sealed copy", "Status", restart.StopsWithoutSealedCopy)];
            EndToEnd? endToEnd = null;
            if (ApiServerHarness.Find() is { } harness)
            {
                CliOutput.Messages.WriteLine("running: end to end, with real API-server code and etcd");
                endToEnd = await EndToEnd.RunAsync(harness, folder, cancellation);
            }

            bool held = results.TrueForAll(result => result.Holds) && refusals.All(refusal => refusal.Refused) && restart.GoesOnWithSealedCopy && (endToEnd is null || endToEnd.Holds);
            if (output == OutputFormat.Json)
            {
                PrintJson(results, refusals, restart, endToEnd, held);
            }
            else
            {
                PrintTables(results, refusals, restart, endToEnd, latency, held);
            }

            return held ? ExitCode.Done : ExitCode.No;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void PrintJson(List<DemoResult> results, IReadOnlyList<(string Case, string Step, bool Refused)> refusals, RestartWithoutBroker restart, EndToEnd? endToEnd, bool held) => CliOutput.Json(new JsonObject
    {
        ["held"] = held,
        ["scenarios"] = new JsonArray([.. results.Where(result => result.Scenario != DemoScenario.Stock).Select(result => (JsonNode)result.ToJson())]),
        ["comparison"] = new JsonArray([.. results.Where(result => result.Scenario == DemoScenario.Stock).Select(result => (JsonNode)result.ToJson())]),
        ["endToEnd"] = endToEnd?.ToJson() ?? new JsonObject { ["ran"] = false, ["why"] = NoHarness },
        ["refusals"] = new JsonArray([.. refusals.Select(refusal => (JsonNode)new JsonObject
        {
            ["case"] = refusal.Case,
            ["step"] = refusal.Step,
            ["refused"] = refusal.Refused,
        })]),
        ["restartWithoutBroker"] = new JsonObject { ["goesOnWithSealedCopy"] = restart.GoesOnWithSealedCopy, ["stopsWithoutSealedCopy"] = restart.StopsWithoutSealedCopy },
    });

    private static void PrintTables(List<DemoResult> results, IReadOnlyList<(string Case, string Step, bool Refused)> refusals, RestartWithoutBroker restart, EndToEnd? endToEnd, int latency, bool held)
    {
        CliOutput.Table(
            ["scenario", "Secrets", "remote KMS calls", "write p50 / p99 us", "read p50 / p99 us", "KEK found in", "DEK found in"],
            results.Select(result => result.ToRow()));
        CliOutput.Table(
            ["what was tried", "at", ""],
            refusals.Select(refusal => (IReadOnlyList<string>)[refusal.Case, refusal.Step, refusal.Refused ? "refused" : "NOT REFUSED"]));
        Console.Out.WriteLine(
            $"Restart while the broker is away: the enclave with a sealed copy of its lease {(restart.GoesOnWithSealedCopy ? "goes on" : "DOES NOT GO ON")}.");
        if (endToEnd is null)
        {
            Console.Out.WriteLine($"End to end: not run, {NoHarness}.");
        }
        else
        {
            CliOutput.Table(["end to end: kubectl, API server (KMS v2), etcd", ""],
            [
                ["kubectl reads what it wrote", endToEnd.RoundTrip ? "yes" : "NO"],
                ["etcd holds", $"{endToEnd.StoredPrefix}... {(endToEnd.PlaintextInEtcd ? "WITH THE PLAINTEXT" : "no plaintext")}"],
                ["the stored value opens with the KEK, by the written formats alone", endToEnd.OpensWithKek ? "yes" : "NO"],
                ["KEK found in", endToEnd.KekFoundIn.Count == 0 ? "nowhere outside the enclave" : string.Join(", ", endToEnd.KekFoundIn)],
                ["seed found in", $"{string.Join(", ", endToEnd.SeedFoundIn)} (a stock API server makes it itself)"],
            ]);
        }

        Console.Out.WriteLine($"""
            In the baseline there is no TEE: the plugin, with a software KMS whose calls take {latency} ms (--kms-latency-ms), is a process
            like any other. Demos 1 and 3 have a broker, which verified the enclave's evidence; its audit log counts the calls.
            "Found" is a scan of the whole memory of every process outside the enclave for the keys themselves (demo 1: of the enclave
            too for the KEK); the same scan found them where they belong. In demos 1 to 3 the Secret is sent to the enclave, which
            makes the DEK. A stock API server makes its own key material (last row): a plugin alone cannot keep that out of the API
            server's memory.
            {(held ? "Everything held." : "NOT EVERYTHING HELD.")}
            """);
    }
}
