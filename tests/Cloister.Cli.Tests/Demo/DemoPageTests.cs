using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using Cloister.Cli.Demo;

namespace Cloister.Cli.Tests.Demo;

/// <summary>The demonstrations as a page: what it says is what the JSON says, and nothing in it is markup but the page's own.</summary>
public sealed class DemoPageTests
{
    private static readonly XNamespace Html = "http://www.w3.org/1999/xhtml";
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly string[] Numbers = ["secrets", "remoteCalls", "writeP50Us", "writeP99Us", "readP50Us", "readP99Us"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_outcome_is_told_as_it_is(int seed)
    {
        Random random = new(seed);
        JsonNode demo = JsonNode.Parse(Any(random).ToJsonString())!;
        MustSay(DemoPage.Render(demo, 5, DateTimeOffset.UnixEpoch), demo);
    }

    [Fact]
    public void A_key_that_is_where_it_should_not_be_is_red_and_what_was_not_looked_for_is_not_green()
    {
        JsonNode row = Row(new Random(1), "attested", kek: [], dek: ["api-server"]);
        Assert.Equal(("clean", "leaked", "home", "not", "not"), (
            DemoPlots.StateOf(row, "kek", "api-server"), DemoPlots.StateOf(row, "dek", "api-server"), DemoPlots.StateOf(row, "kek", "enclave"), DemoPlots.StateOf(row, "dek", "enclave"),
            DemoPlots.StateOf(row, "kek", "etcd")));

        // The control failed: the scan proves nothing, and nothing is at home.
        row["foundInEnclave"] = false;
        Assert.Equal("not", DemoPlots.StateOf(row, "kek", "enclave"));
    }

    /// <summary>Compares a page with the JSON that it was made of.</summary>
    internal static void MustSay(string page, JsonNode demo)
    {
        XDocument document = Read(page);
        Assert.DoesNotContain(document.Descendants(), one => one.Name.LocalName is "script" or "img" or "link" or "iframe" or "object" or "image" or "use" or "a" or "foreignObject");
        Assert.DoesNotContain(document.Descendants().Attributes(), one => one.Name.LocalName.StartsWith("on", StringComparison.Ordinal) || one.Name.LocalName is "src" or "href");
        Assert.DoesNotContain("url(", page, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", page, StringComparison.Ordinal);
        Assert.Contains("@media print", page, StringComparison.Ordinal);

        JsonNode[] rows = [.. DemoPage.Items(demo["scenarios"]), .. DemoPage.Items(demo["comparison"])];
        XElement[] told = [.. Of(document, "comparison").Descendants(Html + "tr").Skip(1)];
        Assert.Equal(rows.Length, told.Length);
        foreach ((JsonNode row, XElement line) in rows.Zip(told))
        {
            string[] cells = [.. line.Elements().Select(cell => cell.Value)];
            Assert.Equal(Shown((string)row["title"]!), cells[0]);
            Assert.Equal(Numbers.Select(number => row[number]!.GetValue<double>()), cells[1..7].Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)));
            MustName(row["kekFoundIn"]!, cells[7]);
            MustName(row["dekFoundIn"]!, cells[8]);
        }

        XElement[] refusals = [.. Of(document, "refusals").Descendants(Html + "tr").Skip(1)];
        Assert.Equal(
            DemoPage.Items(demo["refusals"]).Select(one => (Shown((string)one["case"]!), Shown((string)one["step"]!), (bool)one["refused"]! ? "refused" : "NOT REFUSED")),
            refusals.Select(line => line.Elements().Select(cell => cell.Value).ToArray() is var cells ? (cells[0], cells[1], cells[2]) : default));
        Assert.Equal((bool)demo["held"]! ? "Everything held." : "NOT EVERYTHING HELD.", Of(document, "held").Value);

        // A bar for writes and one for reads in each row, with the JSON's numbers; and a red place for every key that was found where it should not be.
        string[] bars = [.. Of(document, "latencies").Descendants(Svg + "rect").Elements(Svg + "title").Select(title => title.Value)];
        Assert.Equal(
            rows.SelectMany(row => (string[])["write", "read"], (row, what) => string.Create(CultureInfo.InvariantCulture, $"{what}: {row[$"{what}P50Us"]!.GetValue<double>()} to {row[$"{what}P99Us"]!.GetValue<double>()} us")),
            bars);
        int leaked = rows.Sum(row => DemoPage.Names(row["kekFoundIn"]).Length + DemoPage.Names(row["dekFoundIn"]).Length);
        Assert.Equal(leaked, Of(document, "keys").Descendants(Svg + "rect").Count(rect => rect.Attribute("class")!.Value == "leaked"));
        if (demo["secretThroughGateway"]!["key"] is not null)
        {
            Assert.Contains(Shown((string)demo["secretThroughGateway"]!["etcdHolds"]!), Of(document, "gateway").Value, StringComparison.Ordinal);
        }
    }

    private static void MustName(JsonNode names, string cell)
    {
        if (DemoPage.Names(names) is { Length: > 0 } found)
        {
            Assert.Equal(string.Join(", ", found.Select(Shown)), cell);
        }
        else
        {
            Assert.Matches("^(nowhere outside the (enclave|broker)|\\(not looked for: the token gives it to nobody\\))$", cell);
        }
    }

    private static XElement Of(XDocument document, string id) => document.Descendants().Single(one => one.Attribute("id")?.Value == id);

    // Strict: a text that was not escaped is no well-formed page, or an element too many.
    private static XDocument Read(string page)
    {
        using XmlReader reader = XmlReader.Create(new StringReader(page), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static string Shown(string text) => Cli.Output.CliOutput.Shown(text);

    private static JsonObject Any(Random random)
    {
        string[] processes = ["api-server", "etcd", "plugin with software KMS", Hostile(random)];
        string[] Some() => [.. processes.Where(_ => random.Next(2) == 0)];
        return new JsonObject
        {
            ["held"] = random.Next(2) == 0,
            ["scenarios"] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 6)).Select(i => Row(random, $"s{i}", Some(), Some()))]),
            ["comparison"] = new JsonArray([.. Enumerable.Range(0, random.Next(2)).Select(i => Row(random, $"c{i}", Some(), Some()))]),
            ["refusals"] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => new JsonObject { ["case"] = Hostile(random), ["step"] = Hostile(random), ["refused"] = random.Next(2) == 0 })]),
            ["leftOut"] = new JsonArray([.. Enumerable.Range(0, random.Next(2)).Select(_ => new JsonObject { ["what"] = Hostile(random), ["why"] = Hostile(random) })]),
            ["secretThroughGateway"] = random.Next(2) == 0 ? new JsonObject { ["ran"] = false } : new JsonObject
            {
                ["key"] = Hostile(random), ["apiServerSends"] = Hostile(random), ["etcdHolds"] = Hostile(random), ["readThroughGateway"] = Hostile(random), ["kubectlReadsWhatItWrote"] = true,
            },
            ["endToEnd"] = new JsonObject { ["ran"] = false },
            ["restartWithoutBroker"] = new JsonObject { ["goesOnWithSealedCopy"] = true, ["stopsWithoutSealedCopy"] = false },
        };
    }

    private static JsonObject Row(Random random, string name, string[] kek, string[] dek)
    {
        double Us() => Math.Round(Math.Pow(10, random.NextDouble() * 6), 1);
        return new JsonObject
        {
            ["name"] = name, ["title"] = Hostile(random), ["secrets"] = random.Next(1, 100_000), ["remoteCalls"] = random.Next(0, 1_000_000),
            ["writeP50Us"] = Us(), ["writeP99Us"] = Us(), ["readP50Us"] = Us(), ["readP99Us"] = Us(),
            ["kekFoundIn"] = LoadedScan.Names(kek), ["dekFoundIn"] = LoadedScan.Names(dek), ["kekLookedFor"] = true,
            ["kekLookedForIn"] = LoadedScan.Names(kek.Union(["api-server"])), ["dekLookedForIn"] = LoadedScan.Names(dek.Union(["api-server"])),
            ["control"] = LoadedScan.Names(["kek"]), ["foundInEnclave"] = true, ["holds"] = true,
        };
    }

    private static string Hostile(Random random)
    {
        string[] parts = ["<script>alert(1)</script>", "\"'>", "&amp;", "]]>", "\u0001\u001b[31m", "</table>", "<!--", "text", "é", "\u007f"];
        return string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => parts[random.Next(parts.Length)]));
    }
}
