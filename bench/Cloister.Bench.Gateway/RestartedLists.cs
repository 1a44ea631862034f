using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>
/// The first list of all Secrets from real API-server code that was just started: with its Secrets through the gateway, and with the plain KMS v2
/// provider of the same name on the same enclave and the same etcd, in turns.
/// </summary>
internal sealed class RestartedLists(Servers servers, string apiServer, int secrets)
{
    private const string AllSecrets = "/api/v1/secrets";
    private const string Protobuf = "application/vnd.kubernetes.protobuf";
    private const int ValueSize = 1024;

    private readonly Dictionary<(string Case, string Path), List<double>> _results = [];

    /// <summary>Writes the Secrets, then measures so many rounds; the first is not kept.</summary>
    internal async Task<JsonObject> RunAsync(int rounds)
    {
        await using (RunningApiServer first = await RunningApiServer.StartAsync(servers, apiServer, Gateway))
        {
            await FillAsync(first);
        }

        for (int round = 0; round <= rounds; round++)
        {
            // Who is first changes, so that none always meets what the other left warm.
            (string Name, string[] Arguments)[] paths = [("gateway", Gateway), ("kms-v2", Plugin)];
            foreach ((string name, string[] arguments) in round % 2 == 0 ? paths : paths.Reverse())
            {
                await StartToListAsync(name, arguments, keep: round > 0);
                await ListWithoutCacheAsync(name, arguments, keep: round > 0);
            }
        }

        return new JsonObject(_results.Keys.Select(key => key.Case).Distinct().Select(Summary));
    }

    private string[] Gateway =>
    [
        "--etcd-servers-overrides", $"/secrets#{File.ReadAllText(Path.Combine(servers.Dev, "gateway/url"))}", "--etcd-cafile", Path.Combine(servers.Dev, "gateway/ca.crt"),
        "--etcd-certfile", Path.Combine(servers.Dev, "gateway/client.crt"), "--etcd-keyfile", Path.Combine(servers.Dev, "gateway/client.key"),
    ];

    private string[] Plugin => ["--encryption-provider-config", Path.Combine(servers.Dev, "encryption.yaml")];

    private async Task FillAsync(RunningApiServer server)
    {
        string value = new('x', ValueSize);
        await Parallel.ForAsync(0, secrets, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, stop) =>
        {
            object secret = new { apiVersion = "v1", kind = "Secret", metadata = new { name = $"s{i:D6}" }, stringData = new { value } };
            for (int attempt = 0; ; attempt++)
            {
                using HttpResponseMessage response = await server.Api.PostAsJsonAsync($"/api/v1/namespaces/list-{i % 100}/secrets", secret, stop);
                if (response.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict)
                {
                    return;
                }

                if (attempt == 100)
                {
                    throw new InvalidOperationException($"a Secret is not written: {response.StatusCode} {await response.Content.ReadAsStringAsync(stop)}");
                }

                await Task.Delay(50, stop);
            }
        });

        // Its cache may still be filled.
        while (!await TryListAsync(server))
        {
            await Task.Delay(20);
        }

        JsonNode list = (await server.Api.GetFromJsonAsync<JsonNode>(AllSecrets))!;
        if (list["items"]!.AsArray().Count != secrets)
        {
            throw new InvalidOperationException($"{list["items"]!.AsArray().Count} Secrets are listed, not {secrets}");
        }
    }

    // From the start of the process until the whole list has come: its cache is filled meanwhile.
    private async Task StartToListAsync(string name, string[] arguments, bool keep)
    {
        ResetPeak();
        long begun = Stopwatch.GetTimestamp();
        await using RunningApiServer server = await RunningApiServer.StartAsync(servers, apiServer, arguments);
        while (!await TryListAsync(server))
        {
            await Task.Delay(2);
        }

        Note("start to first list, ms", name, Stopwatch.GetElapsedTime(begun).TotalMilliseconds, keep);
        Note("enclave meanwhile at most, MiB", name, PeakMebibytes(), keep);
    }

    // The list alone, straight from etcd, by a server that has read no Secret before.
    private async Task ListWithoutCacheAsync(string name, string[] arguments, bool keep)
    {
        await using RunningApiServer server = await RunningApiServer.StartAsync(servers, apiServer, [.. arguments, "--watch-cache=false"]);
        await server.UntilReadyAsync();
        ResetPeak();
        long begun = Stopwatch.GetTimestamp();
        while (!await TryListAsync(server))
        {
            // A list that failed is none.
            await Task.Delay(2);
            begun = Stopwatch.GetTimestamp();
        }

        Note("first list without watch cache, ms", name, Stopwatch.GetElapsedTime(begun).TotalMilliseconds, keep);
        Note("enclave during that list at most, MiB", name, PeakMebibytes(), keep);
    }

    private async Task<bool> TryListAsync(RunningApiServer server)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, AllSecrets) { Headers = { { "Accept", Protobuf } } };
        using HttpResponseMessage response = await server.Api.SendAsync(request);
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        if (!response.IsSuccessStatusCode)
        {
            return false;
        }

        return body.Length > (long)secrets * ValueSize ? true : throw new InvalidOperationException($"a list of {body.Length} bytes does not have every Secret");
    }

    // Resident memory of the enclave: its highest from here on.
    private void ResetPeak() => File.WriteAllText($"/proc/{servers.Enclave}/clear_refs", "5");

    private double PeakMebibytes() => double.Parse(
        File.ReadLines($"/proc/{servers.Enclave}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    private void Note(string what, string name, double took, bool keep)
    {
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}, {name}: {took:F0}"));
        if (keep)
        {
            if (!_results.TryGetValue((what, name), out List<double>? values))
            {
                _results.Add((what, name), values = []);
            }

            values.Add(took);
        }
    }

    private KeyValuePair<string, JsonNode?> Summary(string what)
    {
        List<double> gateway = _results[(what, "gateway")];
        List<double> plugin = _results[(what, "kms-v2")];
        return new(what, new JsonObject
        {
            ["gateway"] = Spread.Of(gateway, 0),
            ["kms-v2"] = Spread.Of(plugin, 0),
            ["ratio round by round"] = Spread.Of([.. gateway.Zip(plugin, (one, other) => one / other)], 2),
        });
    }
}
