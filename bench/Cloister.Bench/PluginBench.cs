using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench;

/// <summary>The enclave program against the Go plugin: the same Go client, taking turns, one connection, unix sockets.</summary>
internal static class PluginBench
{
    private static readonly string[] Rates = ["p50Us", "p99Us", "rps", "serverCpuUs"];

    internal static async Task<JsonObject> RunAsync(string enclave, string tools, int rounds, int seconds)
    {
        string folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
        string load = Path.Combine(tools, "kmsload");
        string[] peer = [Path.Combine(tools, "kmspeer"), "--socket", Path.Combine(folder, "peer.sock")];
        string[] ours = [enclave, "--config", WriteConfiguration(folder, enclave)];
        string[] sockets = [Path.Combine(folder, "kms.sock"), peer[2]];
        try
        {
            JsonObject results = [];
            await ProvisionAsync(ours, sockets[0], load);
            using (Process first = BenchProcess.Start(ours[0], ours[1..]))
            using (Process second = BenchProcess.Start(peer[0], peer[1..]))
            {
                foreach (string socket in sockets)
                {
                    await BenchProcess.WaitForAsync(socket);
                }

                foreach (int callers in (int[])[1, 16, 64])
                {
                    results[$"encrypt, {callers} callers"] = await RatesAsync(load, sockets, [first.Id, second.Id], callers, rounds, seconds);
                }

                results["memory after load"] = new JsonObject
                {
                    ["rssKiB"] = Spread.Compare([Rss(first.Id)], [Rss(second.Id)]),
                };
                BenchProcess.Stop(first);
                BenchProcess.Stop(second);
            }

            File.Delete(sockets[1]);
            results["start"] = await StartAsync(load, sockets, ours, peer, rounds);
            return results;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The sealed copy then brings the KEK back at every start.
    private static async Task ProvisionAsync(string[] ours, string socket, string load)
    {
        using Process process = BenchProcess.Start(ours[0], ours[1..]);
        await BenchProcess.WaitForAsync(socket);
        string cli = Environment.GetEnvironmentVariable("CLOISTER_CLI") ?? "cloister";
        using Process create = BenchProcess.Start(cli, ["kek", "create", "--socket", Path.Combine(Path.GetDirectoryName(socket)!, "admin.sock"), "--name", "bench"], redirect: true);
        await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        await BenchProcess.JsonAsync(load, "--socket", socket, "--duration", "100ms", "--warmup", "0s");
        BenchProcess.Stop(process);
        File.Delete(socket);
    }

    private static async Task<JsonObject> RatesAsync(string load, string[] sockets, int[] ids, int callers, int rounds, int seconds)
    {
        Dictionary<string, List<double>[]> values = Rates.ToDictionary(name => name, _ => new List<double>[] { [], [] });
        for (int round = 0; round < rounds; round++)
        {
            for (int side = 0; side < 2; side++)
            {
                JsonNode line = await BenchProcess.JsonAsync(
                    load, "--socket", sockets[side], "--op", "encrypt", "--callers", $"{callers}", "--duration", $"{seconds}s", "--warmup", "1s", "--pid", $"{ids[side]}");
                if ((long)line["errors"]! != 0)
                {
                    throw new InvalidOperationException($"calls failed: {line.ToJsonString()}");
                }

                foreach (string name in Rates)
                {
                    values[name][side].Add(line[name]!.GetValue<double>());
                }
            }
        }

        return new JsonObject(Rates.Select(name => KeyValuePair.Create(name, (JsonNode?)Spread.Compare(values[name][0], values[name][1]))));
    }

    private static async Task<JsonObject> StartAsync(string load, string[] sockets, string[] ours, string[] peer, int rounds)
    {
        List<double>[] times = [[], []];
        for (int round = 0; round < rounds * 2; round++)
        {
            for (int side = 0; side < 2; side++)
            {
                JsonNode line = await BenchProcess.JsonAsync(load, ["--first-status", "--socket", sockets[side], "--rounds", "1", "--", .. side == 0 ? ours : peer]);
                times[side].Add(line["firstStatusUs"]!["median"]!.GetValue<double>() / 1000);
                File.Delete(sockets[side]);
            }
        }

        return new JsonObject { ["firstStatusMs"] = Spread.Compare(times[0], times[1]) };
    }

    private static double Rss(int id) => double.Parse(
        File.ReadLines($"/proc/{id}/status").Single(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture);

    private static string WriteConfiguration(string folder, string enclave)
    {
        string path = Path.Combine(folder, "enclave.yaml");
        Directory.CreateDirectory(Path.Combine(folder, "state"));
        File.WriteAllText(path, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: bench
            provider: tee
            kms: {listen: "unix:{{folder}}/kms.sock"}
            admin: {listen: "unix:{{folder}}/admin.sock"}
            custody: {mode: manual, manual: {operators: any} }
            state: {directory: "{{folder}}/state"}
            simulation: {sealingKeyFile: "{{folder}}/sealing.key"}
            """);
        return path;
    }
}
