using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Demo;

/// <summary>
/// The demonstrations as one page, from the JSON that <c>cloister demo -o json</c> prints: no script, nothing from elsewhere, light and dark, good on paper. Numbers are
/// the JSON's own, as it writes them, and every text from it is escaped. secrets: none; the JSON has none.
/// </summary>
internal static class DemoPage
{
    private const string Style = """
        :root{color-scheme:light dark;--text:#1a1d21;--quiet:#545b64;--page:#fff;--panel:#f3f5f8;--line:#c9d0d8;--good:#0d5c2c;--bad:#8f1420;--write:#0b57a4;--read:#7a4a00}
        @media(prefers-color-scheme:dark){:root{--text:#e8eaed;--quiet:#aab2bd;--page:#15181c;--panel:#20252b;--line:#47505b;--good:#9fe0b5;--bad:#ffb3b9;--write:#8ec3f7;--read:#f4cf87}}
        html{background:var(--page);color:var(--text);font:100%/1.5 system-ui,sans-serif}
        body{max-width:76rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
        p,li{max-width:60rem}.quiet{color:var(--quiet);font-size:.9rem}
        .good{color:var(--good)}.bad{color:var(--bad);font-weight:700}
        .wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
        th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
        thead th{background:var(--panel)}tbody th{font-weight:400}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        svg{width:100%;height:auto;display:block}svg text{fill:var(--text);font-size:12px}svg .quiet{fill:var(--quiet)}
        svg .grid{stroke:var(--line)}svg .write{fill:var(--write)}svg .read{fill:var(--read)}
        svg .home{fill:var(--good)}svg .leaked{fill:var(--bad)}svg .clean{fill:none;stroke:var(--good)}svg .not{fill:none;stroke:var(--quiet);stroke-dasharray:2 3}
        svg .on{fill:var(--page);font-weight:700}svg .off{fill:var(--text)}
        code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em;overflow-wrap:anywhere}
        @media print{:root{--page:#fff;--text:#000;--quiet:#333;--panel:#fff;--line:#888;--good:#0d5c2c;--bad:#8f1420;--write:#0b57a4;--read:#7a4a00}
        body{padding:0;max-width:none}.wide{overflow:visible}thead{display:table-header-group}tr,svg{break-inside:avoid}svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """;

    /// <summary>A page.</summary>
    /// <param name="demo">What the demonstrations came to.</param>
    /// <param name="latency">What a call of the baseline's software KMS took, in milliseconds.</param>
    /// <param name="at">When.</param>
    internal static string Render(JsonNode demo, int latency, DateTimeOffset at)
    {
        JsonNode[] rows = [.. Items(demo["scenarios"]), .. Items(demo["comparison"])];
        bool held = (bool)demo["held"]!;
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>Cloister: the demonstrations</title>
            <style>{Style}</style>
            </head>
            <body>
            <h1>Where the keys of Secrets are, and what that costs</h1>
            <p class="{(held ? "good" : "bad")}" id="held">{(held ? "Everything held." : "NOT EVERYTHING HELD.")}</p>
            <p class="quiet">cloister demo, {at.UtcDateTime:yyyy-MM-dd HH:mm:ss'Z'}. The TEE is simulated. A call of the baseline's software KMS takes {latency} ms.</p>

            """);
        Comparison(page, rows);
        page.Append("<h2>Latency</h2>\n<p>Median to 99th percentile of one write and one read, in microseconds; each line is ten times the one before.</p>\n").Append(DemoPlots.Latencies(rows));
        page.Append("""
            <h2>Which process held which key</h2>
            <p>A scan of the whole memory of each process for the keys themselves. Filled red: found where it should not be. Filled green: found where it belongs, by the same scan.
            Green outline: looked for, and not there. Dotted: not looked for.</p>

            """).Append(DemoPlots.Keys(rows));
        Table(page, "refusals", "What was refused", ["what was tried", "at", ""], Items(demo["refusals"]).Select(one => (string[])[Text(one["case"]), Text(one["step"]), Said((bool)one["refused"]!, "refused", "NOT REFUSED")]));
        Restart(page, demo["restartWithoutBroker"]!);
        Gateway(page, demo["secretThroughGateway"]!, demo["endToEnd"]!);
        if (Items(demo["leftOut"]) is { Length: > 0 } leftOut)
        {
            Table(page, "left-out", "Left out", ["what", "why"], leftOut.Select(one => (string[])[Text(one["what"]), Text(one["why"])]));
        }

        return page.Append("</body>\n</html>\n").ToString();
    }

    /// <summary>The items of a list.</summary>
    internal static JsonNode[] Items(JsonNode? list) => [.. (list as JsonArray ?? []).OfType<JsonNode>()];

    /// <summary>The texts of a list.</summary>
    internal static string[] Names(JsonNode? list) => [.. Items(list).Select(one => (string)one!)];

    /// <summary>A text of somebody else, as markup.</summary>
    internal static string Text(string text) => WebUtility.HtmlEncode(CliOutput.Shown(text));

    private static string Text(JsonNode? text) => Text((string)text!);

    private static string Said(bool good, string yes, string no) => good ? $"<span class=\"good\">{yes}</span>" : $"<span class=\"bad\">{no}</span>";

    private static void Comparison(StringBuilder page, JsonNode[] rows)
    {
        string[] numbers = ["secrets", "remoteCalls", "writeP50Us", "writeP99Us", "readP50Us", "readP99Us"];
        page.Append("<h2>Comparison</h2>\n<div class=\"wide\"><table id=\"comparison\">\n<thead><tr><th scope=\"col\">scenario</th>");
        foreach (string head in (string[])["Secrets", "remote KMS calls", "write p50 us", "write p99 us", "read p50 us", "read p99 us", "KEK found in", "DEK found in"])
        {
            page.Append(CultureInfo.InvariantCulture, $"<th scope=\"col\">{head}</th>");
        }

        page.Append("</tr></thead>\n<tbody>\n");
        foreach (JsonNode row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr id=\"row-{Text(row["name"])}\"><th scope=\"row\">{Text(row["title"])}</th>");
            foreach (string number in numbers)
            {
                page.Append(CultureInfo.InvariantCulture, $"<td class=\"number\">{Text(row[number]!.ToJsonString())}</td>");
            }

            string nowhere = Names(row["kekLookedForIn"]).Contains(ScansUnderLoad.Enclave) ? "nowhere outside the broker" : "nowhere outside the enclave";
            page.Append(CultureInfo.InvariantCulture, $"<td>{Found(row["kekFoundIn"], (bool)row["kekLookedFor"]! ? nowhere : "(not looked for: the token gives it to nobody)")}</td>");
            page.Append(CultureInfo.InvariantCulture, $"<td>{Found(row["dekFoundIn"], "nowhere outside the enclave")}</td></tr>\n");
        }

        page.Append("</tbody>\n</table></div>\n");
    }

    private static string Found(JsonNode? names, string nowhere) =>
        Names(names) is { Length: > 0 } found ? $"<span class=\"bad\">{string.Join(", ", found.Select(Text))}</span>" : $"<span class=\"good\">{nowhere}</span>";

    // The cells are markup.
    private static void Table(StringBuilder page, string id, string title, string[] head, IEnumerable<string[]> rows)
    {
        page.Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2>\n<div class=\"wide\"><table id=\"{id}\">\n<thead><tr>{string.Concat(head.Select(one => $"<th scope=\"col\">{one}</th>"))}</tr></thead>\n<tbody>\n");
        foreach (string[] row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr>{string.Concat(row.Select((cell, i) => i == 0 ? $"<th scope=\"row\">{cell}</th>" : $"<td>{cell}</td>"))}</tr>\n");
        }

        page.Append("</tbody>\n</table></div>\n");
    }

    private static void Restart(StringBuilder page, JsonNode restart) => Table(page, "restart", "Restarts while the broker is away", ["an enclave", ""],
    [
        ["with a sealed copy of its lease", Said((bool)restart["goesOnWithSealedCopy"]!, "goes on", "DOES NOT GO ON")],
        ["without one", Said((bool)restart["stopsWithoutSealedCopy"]!, "stops", "DOES NOT STOP")],
    ]);

    private static void Gateway(StringBuilder page, JsonNode way, JsonNode plugin)
    {
        if (way["key"] is { } key)
        {
            Table(page, "gateway", $"One Secret through the gateway: {Text(key)}", ["", ""],
            [
                ["the API server sends", $"<code>{Text(way["apiServerSends"])}</code>"],
                ["etcd holds", $"<code>{Text(way["etcdHolds"])}</code>"],
                ["the API server reads", $"<code>{Text(way["readThroughGateway"])}</code>"],
                ["kubectl reads what it wrote", Said((bool)way["kubectlReadsWhatItWrote"]!, "yes", "NO")],
            ]);
        }

        if (plugin["roundTrip"] is { } roundTrip)
        {
            Table(page, "plugin", "The same API server with the plugin (KMS v2)", ["", ""],
            [
                ["kubectl reads what it wrote", Said((bool)roundTrip!, "yes", "NO")],
                ["etcd holds", $"<code>{Text(plugin["storedPrefix"])}</code>... {Said(!(bool)plugin["plaintextInEtcd"]!, "no plaintext", "WITH THE PLAINTEXT")}"],
                ["the stored value opens with the KEK, by the written formats alone", Said((bool)plugin["opensWithKek"]!, "yes", "NO")],
                ["KEK found in", Found(plugin["kekFoundIn"], "nowhere outside the enclave")],
                ["seed found in", $"{string.Join(", ", Names(plugin["seedFoundIn"]).Select(Text))} (a stock API server makes it itself)"],
            ]);
        }
    }
}
