using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>Numbers of two sides that took turns, and their ratio round by round.</summary>
internal sealed class Comparison(string ours, string peer)
{
    private readonly Dictionary<(string What, string Side), List<double>> _results = [];

    /// <summary>Notes one number, and tells it.</summary>
    internal void Note(string what, string side, double value, bool keep)
    {
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}, {side}: {value:G5}"));
        if (keep)
        {
            if (!_results.TryGetValue((what, side), out List<double>? values))
            {
                _results.Add((what, side), values = []);
            }

            values.Add(value);
        }
    }

    /// <summary>All of it.</summary>
    /// <param name="digits">Digits behind the point; ratios have two.</param>
    internal JsonObject ToJson(int digits) => new(_results.Keys.Select(key => key.What).Distinct().Select(what => KeyValuePair.Create(what, (JsonNode?)new JsonObject
    {
        [ours] = Spread.Of(_results[(what, ours)], digits),
        [peer] = Spread.Of(_results[(what, peer)], digits),
        ["ratio round by round"] = Spread.Of([.. _results[(what, ours)].Zip(_results[(what, peer)], (one, other) => one / other)], 2),
    })));
}
