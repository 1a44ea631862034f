namespace Cloister.Cli.Doctor;

/// <summary>A line of a unit: <c>Name=Value</c>.</summary>
internal sealed record UnitLine(string Name, string Value);

/// <summary>A unit's file with its drop-ins. Source: systemd.unit(5), systemd.syntax(7).</summary>
/// <param name="Name">With <c>.service</c>.</param>
/// <param name="File">Path of the unit itself.</param>
/// <param name="Lines">Of its <c>[Service]</c> section.</param>
/// <param name="DropIns">Drop-ins in the order in which systemd reads them, each with the lines of its <c>[Service]</c> section.</param>
/// <param name="Enabled">It is started at boot.</param>
internal sealed record SystemdUnit(string Name, string File, IReadOnlyList<UnitLine> Lines, IReadOnlyList<(string File, IReadOnlyList<UnitLine> Lines)> DropIns, bool Enabled)
{
    // What comes first hides what has the same name further on.
    private static readonly string[] Folders = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <summary>The units of a node.</summary>
    internal static IReadOnlyList<string> Names { get; } = ["cloister-enclave.service", "cloister-enclave-sgx.service", "cloister-relay.service", "cloister-metrics.service"];

    /// <summary>Reads a unit; null when it is not installed.</summary>
    internal static SystemdUnit? Read(HostFiles host, string name)
    {
        if (Folders.Select(folder => $"{folder}/{name}").FirstOrDefault(host.Exists) is not { } file)
        {
            return null;
        }

        List<(string, IReadOnlyList<UnitLine>)> dropIns = [];
        foreach (string dropIn in Folders.SelectMany(folder => host.Names($"{folder}/{name}.d", "*.conf")).Distinct().Order(StringComparer.Ordinal))
        {
            string path = Folders.Select(folder => $"{folder}/{name}.d/{dropIn}").First(host.Exists);
            dropIns.Add((path, Service(host.Text(path) ?? "")));
        }

        bool enabled = Folders.SelectMany(folder => host.Names(folder, "*.wants").Select(wants => $"{folder}/{wants}/{name}")).Any(host.IsLink);
        return new SystemdUnit(name, file, Service(host.Text(file) ?? ""), dropIns, enabled);
    }

    /// <summary>The value that counts: the last, drop-ins included; null: not said.</summary>
    internal string? Value(string name) => DropIns.SelectMany(dropIn => dropIn.Lines).Prepend(Lines.LastOrDefault(line => line.Name == name)).LastOrDefault(line => line?.Name == name)?.Value;

    private static List<UnitLine> Service(string text)
    {
        List<UnitLine> lines = [];
        string section = "";
        foreach (string line in text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line is ['[', .., ']'])
            {
                section = line;
            }
            else if (section == "[Service]" && line is [not ('#' or ';'), ..] && line.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals)
            {
                lines.Add(new UnitLine(line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart()));
            }
        }

        return lines;
    }
}
