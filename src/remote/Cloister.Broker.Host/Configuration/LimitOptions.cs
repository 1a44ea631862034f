namespace Cloister.Broker.Host.Configuration;

/// <summary>What one source, one platform and all together may ask of a broker (docs/broker.md, "Against floods").</summary>
/// <param name="RefusalsPerSource">Refused attestations a minute from one address (IPv6: one /64), until it has to wait. Leases are not held up by it.</param>
/// <param name="PerPlatform">Accepted attestations a minute of one platform, renewals included.</param>
/// <param name="Connections">At once on the listener for enclaves; null: as many as the process may open files, less what else it needs.</param>
internal sealed record LimitOptions(int RefusalsPerSource, int PerPlatform, int? Connections)
{
    /// <summary>Where the configuration says nothing.</summary>
    public static LimitOptions Default { get; } = new(RefusalsPerSource: 120, PerPlatform: 600, Connections: null);

    /// <summary>Reads <c>limits</c>.</summary>
    public static LimitOptions Read(SectionReader root)
    {
        if (root.Section("limits") is not { } section)
        {
            return Default;
        }

        LimitOptions read = new(
            Number(section, "refusalsPerSource", Default.RefusalsPerSource) ?? Default.RefusalsPerSource,
            Number(section, "perPlatform", Default.PerPlatform) ?? Default.PerPlatform,
            Number(section, "connections", null));
        section.Finish();
        return read;
    }

    private static int? Number(SectionReader section, string field, int? otherwise) => section.Optional(field, Parse) is { } box ? box.Value : otherwise;

    private static Box Parse(string text) =>
        int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= 10_000_000
            ? new Box(number)
            : throw new FormatException("expected a number from 1 to 10000000");

    private sealed record Box(int Value);
}
