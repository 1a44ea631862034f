using System.Text.Json.Nodes;
using Cloister.Cli.Probe;

namespace Cloister.Cli.Demo;

/// <summary>Latencies of writes and reads as the demonstration's JSON has them.</summary>
internal static class DemoLatencies
{
    internal static JsonObject Json(Latencies writes, Latencies reads) => new()
    {
        ["writeP50Us"] = Math.Round(writes.Percentile(0.5), 1),
        ["writeP99Us"] = Math.Round(writes.Percentile(0.99), 1),
        ["readP50Us"] = Math.Round(reads.Percentile(0.5), 1),
        ["readP99Us"] = Math.Round(reads.Percentile(0.99), 1),
    };
}
