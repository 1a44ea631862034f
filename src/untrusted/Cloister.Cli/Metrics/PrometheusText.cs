using System.Globalization;
using System.Text;

namespace Cloister.Cli.Metrics;

/// <summary>Writes metrics in Prometheus' text format 0.0.4. A family is written also when it has no sample, so that its name and meaning are there to be found.</summary>
internal sealed class PrometheusText
{
    internal const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    /// <summary>Labels of a sample; values may hold anything.</summary>
    internal static string Labels(params IEnumerable<(string Name, string Value)> labels) => string.Join(',', labels.Select(label =>
        $"{label.Name}=\"{label.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\""));

    internal void Gauge(string name, string help, params IEnumerable<(string Labels, double Value)> samples) => Family(name, "gauge", help, samples);

    internal void Counter(string name, string help, params IEnumerable<(string Labels, double Value)> samples) => Family(name, "counter", help, samples);

    /// <summary>A histogram.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">What it measures.</param>
    /// <param name="series">Labels, sum, and counts by upper bound, which are not cumulative; the last bound is infinite.</param>
    internal void Histogram(string name, string help, IEnumerable<(string Labels, double Sum, IReadOnlyList<(double Bound, double Count)> Counts)> series)
    {
        Head(name, "histogram", help);
        foreach ((string labels, double sum, IReadOnlyList<(double Bound, double Count)> counts) in series)
        {
            double seen = 0;
            foreach ((double bound, double count) in counts.OrderBy(one => one.Bound))
            {
                seen += count;
                Sample($"{name}_bucket", $"{labels},le=\"{(double.IsPositiveInfinity(bound) ? "+Inf" : Number(bound))}\"", seen);
            }

            Sample($"{name}_sum", labels, sum);
            Sample($"{name}_count", labels, seen);
        }
    }

    public override string ToString() => _text.ToString();

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private void Family(string name, string type, string help, IEnumerable<(string Labels, double Value)> samples)
    {
        Head(name, type, help);
        foreach ((string labels, double value) in samples)
        {
            Sample(name, labels, value);
        }
    }

    private void Head(string name, string type, string help) => _text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private void Sample(string name, string labels, double value) =>
        _text.Append(name).Append(labels.Length == 0 ? "" : $"{{{labels}}}").Append(' ').Append(Number(value)).Append('\n');
}
