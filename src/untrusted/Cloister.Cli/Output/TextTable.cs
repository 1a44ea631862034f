using System.Text;

namespace Cloister.Cli.Output;

/// <summary>What a table is written to.</summary>
/// <param name="Width">Columns of the terminal; null: a file or pipe, where nothing is folded.</param>
/// <param name="Boxes">It shows box characters.</param>
internal sealed record TableTarget(int? Width, bool Boxes)
{
    /// <summary>Standard output of this process.</summary>
    internal static TableTarget Current => Of(Console.IsOutputRedirected, () => Console.WindowWidth, Environment.GetEnvironmentVariable);

    /// <summary>By what the environment says: <c>TERM=dumb</c> and locales without UTF-8 have no boxes. Source: locale(7).</summary>
    internal static TableTarget Of(bool redirected, Func<int> width, Func<string, string?> environment)
    {
        string locale = ((string[])["LC_ALL", "LC_CTYPE", "LANG"]).Select(environment).FirstOrDefault(value => !string.IsNullOrEmpty(value)) ?? "C";
        bool utf8 = locale.Contains("UTF-8", StringComparison.OrdinalIgnoreCase) || locale.Contains("UTF8", StringComparison.OrdinalIgnoreCase);
        return redirected ? new TableTarget(null, false) : new TableTarget(width() is > 0 and var columns ? columns : null, utf8 && environment("TERM") is not (null or "" or "dumb"));
    }
}

/// <summary>
/// Tables as text. Lines are broken between words only: a path, a key_id or a digest can be copied. Where columns do not fit, each row becomes lines of name and value.
/// </summary>
internal static class TextTable
{
    /// <summary>The text, with a line feed at its end.</summary>
    internal static string Render(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows, TableTarget target)
    {
        IReadOnlyList<string>[] all = [headers, .. rows.Select(row => (IReadOnlyList<string>)[.. row.Select(cell => cell.ReplaceLineEndings(" "))])];
        int[] natural = [.. headers.Select((_, i) => all.Max(row => row[i].Length))];
        int between = target.Boxes ? (3 * headers.Count) + 1 : 2 * (headers.Count - 1);
        if (target.Width is not { } width || natural.Sum() + between <= width)
        {
            return Columns(all, natural, target);
        }

        int[] least = [.. headers.Select((_, i) => all.Max(row => row[i].Split(' ').Max(word => word.Length)))];
        return least.Sum() + between <= width ? Columns(all, Fit(least, natural, width - between), target) : Records(headers, all[1..], width);
    }

    // What is left over goes where it is missing most.
    private static int[] Fit(int[] least, int[] natural, int room)
    {
        int[] widths = [.. least];
        for (int left = room - least.Sum(); left > 0; left--)
        {
            int most = Enumerable.Range(0, widths.Length).MaxBy(i => natural[i] - widths[i]);
            widths[most]++;
        }

        return widths;
    }

    private static string Columns(IReadOnlyList<string>[] rows, int[] widths, TableTarget target)
    {
        StringBuilder text = new();
        void Rule(char left, char middle, char right)
        {
            if (target.Boxes)
            {
                text.Append(left).AppendJoin(middle, widths.Select(width => new string('─', width + 2))).Append(right).Append('\n');
            }
        }

        Rule('╭', '┬', '╮');
        for (int row = 0; row < rows.Length; row++)
        {
            List<string>[] cells = [.. rows[row].Select((cell, i) => Wrap(cell, widths[i]))];
            for (int line = 0; line < cells.Max(cell => cell.Count); line++)
            {
                IEnumerable<string> parts = cells.Select((cell, i) => (line < cell.Count ? cell[line] : "").PadRight(widths[i]));
                text.Append(target.Boxes ? $"│ {string.Join(" │ ", parts)} │" : string.Join("  ", parts).TrimEnd()).Append('\n');
            }

            if (row == 0)
            {
                Rule('├', '┼', '┤');
            }
        }

        Rule('╰', '┴', '╯');
        return text.ToString();
    }

    private static string Records(IReadOnlyList<string> headers, IReadOnlyList<string>[] rows, int width)
    {
        int names = headers.Max(header => header.Length);
        StringBuilder text = new();
        foreach (IReadOnlyList<string> row in rows)
        {
            text.Append(text.Length > 0 ? "\n" : "");
            for (int i = 0; i < row.Count; i++)
            {
                List<string> lines = row[i].Length > 0 ? Wrap(row[i], Math.Max(1, width - names - 2)) : [];
                for (int line = 0; line < lines.Count; line++)
                {
                    text.Append((line == 0 ? headers[i] : "").PadRight(names)).Append("  ").Append(lines[line]).Append('\n');
                }
            }
        }

        return text.ToString();
    }

    // A word that is longer than the line stays whole.
    private static List<string> Wrap(string text, int width)
    {
        List<string> lines = [];
        StringBuilder line = new();
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line.ToString());
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        lines.Add(line.ToString());
        return lines;
    }
}
