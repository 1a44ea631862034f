using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>Numbers of several rounds in one.</summary>
internal static class Spread
{
    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Median, least and greatest.</summary>
    internal static JsonObject Of(IReadOnlyList<double> values, int digits) => new()
    {
        ["median"] = Math.Round(Median(values), digits), ["least"] = Math.Round(values.Min(), digits), ["most"] = Math.Round(values.Max(), digits),
    };
}
