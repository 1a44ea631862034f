using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>
/// The first list of all Secrets from real API-server code that was just started: with its Secrets on our way, and with the plain KMS v2
/// provider of the same name on the same enclave and the same etcd, in turns.
/// </summary>
internal sealed class RestartedLists(Servers servers, string apiServer, int secrets, ApiServerPath ours, ApiServerPath peer)
{
    private const string AllSecrets = "/api/v1/secrets";
    private const string Protobuf = "application/vnd.kubernetes.protobuf";
    private const int ValueSize = 1024;

    private readonly Comparison _results = new(ours.Name, peer.Name);

    /// <summary>Writes the Secrets, then measures so many rounds; the first is not kept.</summary>
    internal async Task<JsonObject> RunAsync(int rounds)
    {
        await using (RunningApiServer first = await RunningApiServer.StartAsync(servers, apiServer, ours.Arguments))
        {
            await FillAsync(first);
        }

        for (int round = 0; round <= rounds; round++)
        {
            // Who is first changes, so that none always meets what the other left warm.
            ApiServerPath[] paths = [ours, peer];
            foreach ((string name, string[] arguments) in round % 2 == 0 ? paths : paths.Reverse())
            {
                await StartToListAsync(name, arguments, keep: round > 0);
                await ListWithoutCacheAsync(name, arguments, keep: round > 0);
            }
        }

        return _results.ToJson(digits: 0);
    }

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

        _results.Note("start to first list, ms", name, Stopwatch.GetElapsedTime(begun).TotalMilliseconds, keep);
        _results.Note("enclave meanwhile at most, MiB", name, PeakMebibytes(), keep);
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

        _results.Note("first list without watch cache, ms", name, Stopwatch.GetElapsedTime(begun).TotalMilliseconds, keep);
        _results.Note("enclave during that list at most, MiB", name, PeakMebibytes(), keep);
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
}
