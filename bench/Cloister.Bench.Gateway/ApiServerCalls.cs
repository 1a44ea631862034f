using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>Creating and getting single Secrets of 1 KiB from real API-server code, one server at a time, so that none decrypts what another writes.</summary>
internal sealed class ApiServerCalls(Servers servers, string apiServer, ApiServerPath ours, ApiServerPath peer)
{
    private const string Secrets = "/api/v1/namespaces/calls/secrets";
    private const int ValueSize = 1024;
    private const int WarmUp = 50;
    private const int Each = 400;

    private readonly Comparison _results = new(ours.Name, peer.Name);

    /// <summary>Measures so many rounds; one more, the first, is not kept.</summary>
    internal async Task<JsonObject> RunAsync(int rounds)
    {
        for (int round = 0; round <= rounds; round++)
        {
            ApiServerPath[] paths = [ours, peer];
            foreach (ApiServerPath path in round % 2 == 0 ? paths : paths.Reverse())
            {
                await MeasureAsync(path, round);
            }
        }

        return _results.ToJson(digits: 0);
    }

    private async Task MeasureAsync(ApiServerPath path, int round)
    {
        await using RunningApiServer server = await RunningApiServer.StartAsync(servers, apiServer, path.Arguments);
        await server.UntilReadyAsync();
        string prefix = $"{path.Name}-{round}";
        await P50Async(1, WarmUp, i => CreateAsync(server, $"{prefix}-warm-{i}"));
        await P50Async(1, WarmUp, i => GetAsync(server, $"{prefix}-warm-{i}"));
        foreach (int callers in (int[])[1, 16])
        {
            string what = $"{callers} caller{(callers == 1 ? "" : "s")}";
            _results.Note($"create, {what}", path.Name, await P50Async(callers, Each, i => CreateAsync(server, $"{prefix}-{callers}-{i}")), keep: round > 0);
            _results.Note($"get, {what}", path.Name, await P50Async(callers, Each, i => GetAsync(server, $"{prefix}-{callers}-{i}")), keep: round > 0);
        }
    }

    private static async Task<double> P50Async(int callers, int count, Func<int, Task> call)
    {
        ConcurrentBag<double> took = [];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = callers }, async (i, _) =>
        {
            long begun = Stopwatch.GetTimestamp();
            await call(i);
            took.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        });
        return Spread.Median(took);
    }

    private static async Task CreateAsync(RunningApiServer server, string name)
    {
        object secret = new { apiVersion = "v1", kind = "Secret", metadata = new { name }, stringData = new { value = new string('x', ValueSize) } };
        using HttpResponseMessage response = await server.Api.PostAsJsonAsync(Secrets, secret);
        response.EnsureSuccessStatusCode();
    }

    private static async Task GetAsync(RunningApiServer server, string name)
    {
        JsonNode secret = (await server.Api.GetFromJsonAsync<JsonNode>($"{Secrets}/{name}"))!;
        if (Convert.FromBase64String((string)secret["data"]!["value"]!).Length != ValueSize)
        {
            throw new InvalidOperationException($"Secret {name} came back changed");
        }
    }
}
