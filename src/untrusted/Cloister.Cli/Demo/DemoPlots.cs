using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>Pictures of the demonstrations, as SVG inside the page. What they show is in a table too.</summary>
internal static class DemoPlots
{
    private const int Width = 1000;
    private const int Names = 400;
    private const int Row = 36;

    /// <summary>Two bars a scenario on a logarithmic scale, each from the median to the 99th percentile.</summary>
    internal static string Latencies(JsonNode[] rows)
    {
        double[] all = [.. rows.SelectMany(row => (double[])[Number(row, "writeP50Us"), Number(row, "writeP99Us"), Number(row, "readP50Us"), Number(row, "readP99Us")])];
        (int least, int most) = ((int)Math.Floor(Math.Log10(all.Min())), (int)Math.Ceiling(Math.Log10(all.Max())));
        most = Math.Max(most, least + 1);
        StringBuilder picture = Begin("Latencies of writes and reads", Row * rows.Length + 40, "latencies");
        for (int power = least; power <= most; power++)
        {
            double x = At(Math.Pow(10, power));
            Append(picture, $"<line class=\"grid\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"0\" y2=\"{Row * rows.Length}\"/><text class=\"quiet\" x=\"{x:0.#}\" y=\"{Row * rows.Length + 14}\" text-anchor=\"middle\">{Math.Pow(10, power):#,0.###}</text>");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            Append(picture, $"<text x=\"0\" y=\"{Row * i + 20}\">{Label(rows[i])}</text>");
            Bar(rows[i], "write", Row * i + 6);
            Bar(rows[i], "read", Row * i + 20);
        }

        Append(picture, $"<rect class=\"write\" x=\"{Names}\" y=\"{Row * rows.Length + 24}\" width=\"14\" height=\"9\"/><text x=\"{Names + 20}\" y=\"{Row * rows.Length + 33}\">write</text>");
        Append(picture, $"<rect class=\"read\" x=\"{Names + 80}\" y=\"{Row * rows.Length + 24}\" width=\"14\" height=\"9\"/><text x=\"{Names + 100}\" y=\"{Row * rows.Length + 33}\">read</text>");
        return picture.Append("</svg>\n").ToString();

        double At(double us) => Names + 10 + (Math.Log10(us) - least) / (most - least) * (Width - Names - 120);

        void Bar(JsonNode row, string what, int y)
        {
            (double from, double to) = (Number(row, $"{what}P50Us"), Number(row, $"{what}P99Us"));
            Append(picture, $"<rect class=\"{what}\" x=\"{At(from):0.#}\" y=\"{y}\" width=\"{Math.Max(3, At(to) - At(from)):0.#}\" height=\"9\"><title>{what}: {from} to {to} us</title></rect>");
            Append(picture, $"<text class=\"quiet\" x=\"{Math.Max(At(to), At(from) + 3) + 5:0.#}\" y=\"{y + 9}\">{from:#,0} – {to:#,0}</text>");
        }
    }

    /// <summary>A column for each process, a row for each scenario, and in each place the two keys.</summary>
    internal static string Keys(JsonNode[] rows)
    {
        string[] processes =
        [
            .. rows.SelectMany(row => (string[])[.. DemoPage.Names(row["kekLookedForIn"]), .. DemoPage.Names(row["dekLookedForIn"])]).Where(name => name != ScansUnderLoad.Enclave).Distinct(),
            ScansUnderLoad.Enclave,
        ];
        int column = (Width - Names) / processes.Length;
        StringBuilder picture = Begin("Which process held which key", Row * rows.Length + 30, "keys");
        for (int p = 0; p < processes.Length; p++)
        {
            Append(picture, $"<text x=\"{Names + column * p}\" y=\"16\">{DemoPage.Text(processes[p])}</text>");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            int y = 30 + Row * i;
            Append(picture, $"<line class=\"grid\" x1=\"0\" x2=\"{Width}\" y1=\"{y - 4}\" y2=\"{y - 4}\"/><text x=\"0\" y=\"{y + 16}\">{Label(rows[i])}</text>");
            for (int p = 0; p < processes.Length; p++)
            {
                Key(rows[i], "kek", processes[p], Names + column * p, y);
                Key(rows[i], "dek", processes[p], Names + column * p + 52, y);
            }
        }

        return picture.Append("</svg>\n").ToString();

        void Key(JsonNode row, string key, string process, int x, int y)
        {
            string state = StateOf(row, key, process);
            string said = state switch { "leaked" => "found", "home" => "found, where it belongs", "clean" => "not found", _ => "not looked for" };
            Append(picture, $"<rect class=\"{state}\" x=\"{x}\" y=\"{y}\" width=\"46\" height=\"22\" rx=\"4\"><title>{key.ToUpperInvariant()} in {DemoPage.Text(process)}: {said}</title></rect>");
            Append(picture, $"<text class=\"{(state is "leaked" or "home" ? "on" : "off")}\" x=\"{x + 23}\" y=\"{y + 16}\" text-anchor=\"middle\">{key.ToUpperInvariant()}</text>");
        }
    }

    /// <summary>How it is with a key in a process: <c>leaked</c>, <c>home</c> (found where it belongs), <c>clean</c>, <c>not</c> (not looked for).</summary>
    internal static string StateOf(JsonNode row, string key, string process)
    {
        if (DemoPage.Names(row[$"{key}FoundIn"]).Contains(process))
        {
            return "leaked";
        }

        if (DemoPage.Names(row[$"{key}LookedForIn"]).Contains(process))
        {
            return "clean";
        }

        return process == ScansUnderLoad.Enclave && DemoPage.Names(row["control"]).Contains(key) && (bool)row["foundInEnclave"]! ? "home" : "not";
    }

    // What is told before a colon is enough beside a picture.
    private static string Label(JsonNode row)
    {
        string title = (string)row["title"]!;
        return DemoPage.Text(title.Length > 62 ? title[..61] + "…" : title);
    }

    private static double Number(JsonNode row, string name) => Math.Max(0.1, row[name]!.GetValue<double>());

    private static StringBuilder Begin(string label, int height, string id)
    {
        StringBuilder picture = new();
        Append(picture, $"<svg id=\"{id}\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {Width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">");
        return picture;
    }

    private static void Append(StringBuilder picture, FormattableString markup) => picture.Append(markup.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
