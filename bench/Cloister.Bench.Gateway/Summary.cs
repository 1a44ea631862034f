using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>What one run found: for each path the median of its rounds; for the gateway against each other path the ratio round by round.</summary>
internal static class Summary
{
    internal static JsonObject Of(IReadOnlyList<EtcdPath> paths)
    {
        JsonObject report = [];
        EtcdPath gateway = paths.First(path => path.Name == "gateway");
        foreach (string what in gateway.Results.Keys)
        {
            JsonObject row = [];
            foreach (EtcdPath path in paths.Where(path => path.Results.ContainsKey(what)))
            {
                row[path.Name] = Math.Round(Spread.Median(path.Results[what]), 1);
            }

            foreach (EtcdPath other in paths.Where(path => path != gateway && path.Results.ContainsKey(what)))
            {
                row[$"gateway / {other.Name}"] = Spread.Of([.. gateway.Results[what].Zip(other.Results[what], (ours, theirs) => ours / theirs)], 2);
            }

            report[what] = row;
        }

        return report;
    }
}
