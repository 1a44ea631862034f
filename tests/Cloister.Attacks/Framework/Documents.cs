using System.Text.RegularExpressions;

namespace Cloister.Attacks.Framework;

/// <summary>docs/threat-model.md and docs/attacks.md, which have to say what the catalogue says.</summary>
internal static partial class Documents
{
    private const string Begin = "<!-- made by 'make attacks-table' -->";
    private const string End = "<!-- end -->";

    /// <summary>What does not agree.</summary>
    public static IReadOnlyList<string> Faults(string root)
    {
        string model = File.ReadAllText(ThreatModel(root));
        List<string> faults = [.. Section(model, "## Protected", Promise.Protected), .. Section(model, "## Not protected", Promise.NotProtected)];
        faults.AddRange(Catalogue.All.GroupBy(attack => attack.Name).Where(same => same.Count() > 1).Select(same => $"two attacks have the name {same.Key}"));
        string path = AttacksFile(root);
        if (WithTable(File.ReadAllText(path)) != File.ReadAllText(path))
        {
            faults.Add("the table in docs/attacks.md is not the catalogue's: make attacks-table");
        }

        return faults;
    }

    /// <summary>Writes the catalogue's table into docs/attacks.md.</summary>
    public static void WriteTable(string root) => File.WriteAllText(AttacksFile(root), WithTable(File.ReadAllText(AttacksFile(root))));

    private static string ThreatModel(string root) => Path.Combine(root, "docs", "threat-model.md");

    private static string AttacksFile(string root) => Path.Combine(root, "docs", "attacks.md");

    // Every row or item of a section names attacks in `code`, of that promise, and all of that promise are named.
    private static IEnumerable<string> Section(string model, string heading, Promise promise)
    {
        int start = model.IndexOf(heading + "\n", StringComparison.Ordinal);
        if (start < 0)
        {
            yield return $"docs/threat-model.md has no '{heading}'";
            yield break;
        }

        int end = model.IndexOf("\n## ", start + heading.Length, StringComparison.Ordinal);
        string text = model[start..(end < 0 ? model.Length : end)];
        Dictionary<string, Attack> known = Catalogue.All.ToDictionary(attack => attack.Name);
        HashSet<string> named = [];
        foreach (string item in Items(text))
        {
            string[] names = [.. Code().Matches(item).Select(match => match.Groups[1].Value).Where(name => AttackName().IsMatch(name))];
            foreach (string name in names)
            {
                named.Add(name);
                if (!known.TryGetValue(name, out Attack? attack))
                {
                    yield return $"docs/threat-model.md, '{heading}', names the attack {name}, which is not in the catalogue";
                }
                else if (attack.Promise != promise)
                {
                    yield return $"docs/threat-model.md, '{heading}', names the attack {name}, which the catalogue has as {attack.Promise}";
                }
            }

            if (names.Length == 0)
            {
                yield return $"docs/threat-model.md, '{heading}': names no attack: {item[..Math.Min(item.Length, 100)]}";
            }
        }

        foreach (Attack attack in Catalogue.All.Where(attack => attack.Promise == promise && !named.Contains(attack.Name)))
        {
            yield return $"docs/threat-model.md, '{heading}', does not name the attack {attack.Name}";
        }
    }

    // Rows of tables without their heads, and numbered items with the lines that belong to them.
    private static List<string> Items(string section)
    {
        List<string> items = [];
        bool head = true;
        foreach (string line in section.Split('\n').Skip(1))
        {
            if (line.StartsWith('|'))
            {
                if (!head)
                {
                    items.Add(line);
                }

                head = head && !line.StartsWith("| ---", StringComparison.Ordinal);
            }
            else if (Numbered().IsMatch(line))
            {
                items.Add(line);
            }
            else if (line.StartsWith("   ", StringComparison.Ordinal) && items.Count > 0)
            {
                items[^1] += line;
            }
            else
            {
                head = true;
            }
        }

        return items;
    }

    private static string WithTable(string text)
    {
        int begin = text.IndexOf(Begin, StringComparison.Ordinal);
        int end = text.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"docs/attacks.md has no '{Begin}' with '{End}' behind it");
        }

        string table = string.Concat(Catalogue.All.Select(attack =>
            $"| `{attack.Name}` | {attack.Attacker.Text()} | {attack.Has} | {(attack.Promise == Promise.Protected ? "refused" : "**lost**")}: {attack.How} |\n"));
        return $"{text[..begin]}{Begin}\n\n| attack | attacker | what he has | refused how, or what is lost |\n| --- | --- | --- | --- |\n{table}\n{text[end..]}";
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    // Two words at least, so that other code is not taken for one.
    [GeneratedRegex("^[a-z0-9]+(-[a-z0-9]+)+$")]
    private static partial Regex AttackName();

    [GeneratedRegex("^[0-9]+\\. ")]
    private static partial Regex Numbered();
}
