using System.Globalization;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Where traces go (docs/metrics.md, "Traces").</summary>
/// <param name="Endpoint">A collector's address for OTLP over HTTP, without <c>/v1/traces</c>.</param>
/// <param name="CaFile">Authorities of its certificate, PEM; null: the system's.</param>
/// <param name="Ratio">The part of requests that are traced, above 0 to 1; those of a command that is traced always are.</param>
internal sealed record TraceSection(Uri Endpoint, string? CaFile, double Ratio)
{
    /// <summary>Reads <c>traces</c>; null when it is not there, or after an error.</summary>
    internal static TraceSection? Read(SectionReader root)
    {
        if (root.Section("traces") is not { } section)
        {
            return null;
        }

        Uri? endpoint = section.Required("endpoint", SectionReader.HttpUrl);
        string? ca = section.Optional("ca", SectionReader.AbsolutePath);
        string ratio = section.Optional("ratio", ParseRatio) ?? "1";
        section.Finish();
        return endpoint is null ? null : new TraceSection(endpoint, ca, double.Parse(ratio, CultureInfo.InvariantCulture));
    }

    private static string ParseRatio(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double ratio) && ratio is > 0 and <= 1 ? text : throw new FormatException("expected a number above 0, to 1");
}
