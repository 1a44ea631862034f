using System.Text.Json.Nodes;

namespace Cloister.Bench;

/// <summary>Ours against the peer's, round by round.</summary>
internal static class Spread
{
    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Medians of both, and median, least and greatest of the ratios of neighbouring rounds.</summary>
    internal static JsonObject Compare(IReadOnlyList<double> ours, IReadOnlyList<double> peer)
    {
        double[] ratios = [.. ours.Zip(peer, (a, b) => a / b)];
        return new JsonObject
        {
            ["ours"] = Round(Median(ours)),
            ["peer"] = Round(Median(peer)),
            ["ratio"] = Round(Median(ratios)),
            ["ratioMin"] = Round(ratios.Min()),
            ["ratioMax"] = Round(ratios.Max()),
        };
    }

    private static double Round(double value) => Math.Round(value, value < 10 ? 3 : 1);
}
