using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>One way to etcd, what etcdload is to be told to take it, and what was measured on it.</summary>
/// <param name="name">Name in the report.</param>
/// <param name="etcdload">The program.</param>
/// <param name="connection">Its options for endpoint and files.</param>
/// <param name="processId">The process between client and etcd, or 0.</param>
internal sealed class EtcdPath(string name, string etcdload, IReadOnlyList<string> connection, int processId)
{
    private readonly Dictionary<string, List<double>> _results = [];

    internal string Name => name;

    internal IReadOnlyDictionary<string, List<double>> Results => _results;

    /// <summary>Puts, then gets, by so many callers.</summary>
    internal async Task MeasureAsync(int callers, double seconds, bool keep)
    {
        foreach (string op in (string[])["put", "get"])
        {
            JsonNode found = await RunAsync("--op", op, "--callers", $"{callers}", "--duration", FormattableString.Invariant($"{seconds}s"));
            if (keep)
            {
                string what = $"{callers} caller{(callers == 1 ? "" : "s")}";
                Note($"{op} p50 us, {what}", found["p50Us"]);
                Note($"{op} calls/s, {what}", found["rps"]);
                Note($"{op} CPU us/call, {what}", found["cpuUs"]);
            }
        }
    }

    /// <summary>From the beginning of a put to its event on a watch, both on this path.</summary>
    internal async Task MeasureWatchAsync(int events, bool keep)
    {
        JsonNode found = await RunAsync("--op", "watch", "--count", $"{events}");
        if (keep)
        {
            Note("put to watch event, p50 us", found["p50Us"]);
        }
    }

    /// <summary>Writes so many Secrets, beside each other. Waits until the path answers.</summary>
    internal async Task FillAsync(int count) => await RunAsync("--op", "fill", "--count", $"{count}");

    /// <summary>Lists them in pages of 500, as an API server does.</summary>
    internal async Task MeasureListAsync(int count, bool keep)
    {
        JsonNode found = await RunAsync("--op", "list", "--count", $"{count}");
        if (keep)
        {
            Note($"list of {count}, ms", found["ms"]);
            Note("resident MiB at the end", found["rssKiB"] is { } kibibytes ? (double)kibibytes / 1024 : null);
        }
    }

    private async Task<JsonNode> RunAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(etcdload, [.. connection, .. arguments, "--pid", $"{processId}"]) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? JsonNode.Parse(output)! : throw new InvalidOperationException($"etcdload {string.Join(' ', arguments)} on {name} failed");
    }

    private void Note(string what, JsonNode? value)
    {
        if (value is not null)
        {
            _results.TryAdd(what, []);
            _results[what].Add((double)value);
        }
    }
}
