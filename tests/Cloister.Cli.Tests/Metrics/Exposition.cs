using System.Text.RegularExpressions;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>A family of metrics, as a scrape has it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">counter, gauge or histogram.</param>
/// <param name="Help">What it says of itself.</param>
/// <param name="Labels">Names of the labels of its samples, without <c>le</c>; null: it has no sample.</param>
internal sealed partial record Exposition(string Name, string Type, string Help, IReadOnlyList<string>? Labels)
{
    /// <summary>Reads Prometheus' text format.</summary>
    internal static IReadOnlyList<Exposition> Read(string scrape)
    {
        List<Exposition> families = [];
        Dictionary<string, string> help = [];
        foreach (string line in scrape.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ', 4) is ["#", "HELP", var helped, var text])
            {
                help.Add(helped, text);
            }
            else if (line.Split(' ') is ["#", "TYPE", var typed, var type])
            {
                families.Add(new Exposition(typed, type, help[typed], null));
            }
            else if (Sample().Match(line) is { Success: true } sample)
            {
                Exposition family = families[^1];
                Assert.Contains(sample.Groups[1].Value, family.Type == "histogram" ? (string[])[$"{family.Name}_bucket", $"{family.Name}_sum", $"{family.Name}_count"] : [family.Name]);
                families[^1] = family with
                {
                    Labels = [.. (family.Labels ?? []).Union(Label().Matches(sample.Groups[2].Value).Select(label => label.Groups[1].Value).Where(label => label != "le"))],
                };
            }
            else
            {
                Assert.Fail($"not the text format: {line}");
            }
        }

        return families;
    }

    [GeneratedRegex("""^([a-z_]+)(\{.*\})? (?:[0-9.eE+-]+|NaN|\+Inf)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("""([a-z_]+)="(?:[^"\\]|\\.)*"(?:,|\})""")]
    private static partial Regex Label();
}
