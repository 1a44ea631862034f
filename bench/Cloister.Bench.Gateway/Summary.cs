using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>What one run found: medians of its rounds, and ratios to the first path as medians of each round's ratio.</summary>
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
                row[path.Name] = Math.Round(Median(path.Results[what]), 1);
            }

            foreach (EtcdPath other in paths.Where(path => path != gateway && path.Results.ContainsKey(what)))
            {
                row[$"gateway / {other.Name}"] = Math.Round(Median([.. gateway.Results[what].Zip(other.Results[what], (ours, theirs) => ours / theirs)]), 2);
            }

            report[what] = row;
        }

        return report;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
