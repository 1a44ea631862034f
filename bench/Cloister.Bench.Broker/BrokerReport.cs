using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Broker;

/// <summary>Results as tables for people, with the targets beside them.</summary>
internal static class BrokerReport
{
    private const int KeysPerCall = 256;
    private const int Enclaves = 50_000;

    // What was asked for, a second.
    private static readonly (string Name, string Title, double Target, int Times)[] Rows =
    [
        ("attest", "attest and release", 400, 1), ("renew", "renewal", 600, 1), ("wrap", "keys wrapped, 256 a call", 20_000, KeysPerCall), ("unwrap", "keys unwrapped, 256 a call", 20_000, KeysPerCall),
    ];

    internal static void Print(string path)
    {
        JsonNode all = JsonNode.Parse(File.ReadAllText(path))!;
        JsonNode results = all["results"]!;
        JsonNode machine = all["machine"]!;
        double floor = Median(results["floor"]!, row => row["attestationUs"]!);
        double verify = Median(results["floor"]!, row => row["verifyUs"]!);
        Console.Out.WriteLine($"""
            # The broker under load

            {all["date"]}, commit {all["commit"]}; {machine["cpu"]}, {machine["cores"]} cores, kernel {machine["kernel"]}; load before {machine["loadBefore"]}, after {machine["loadAfter"]};
            .NET SDK {all["versions"]!["dotnet"]}, {all["versions"]!["postgres"]}. Medians of {results["floor"]!.AsArray().Count} rounds, databases taking turns; least to greatest in parentheses.
            One broker process, TLS 1.3 on loopback, {results["callers"]} callers (4 for wrap and unwrap), {results["leases"]} leases that are renewed in turn; TDX quotes of {results["quoteBytes"]} bytes. The load program runs on the same cores
            and makes each quote itself ({Text(Median(results["floor"]!, row => row["clientQuoteUs"]!))} us). Both databases wait for the disk at every commit.

            """);
        foreach (string database in (string[])["sqlite", "postgres"])
        {
            if (results[database] is JsonArray rounds)
            {
                PrintDatabase(database, rounds, floor);
            }
        }

        Console.Out.WriteLine($"""
            The floor is the P-256 work of one attestation, bare, in the same run: {Text(floor)} us, of which {Text(verify)} us verify the quote.

            """);
        PrintMemory(all["memory"]!);
    }

    private static void PrintDatabase(string database, JsonArray rounds, double floor)
    {
        Console.Out.WriteLine($"""
            ## {database}

            | | a second | target | | broker CPU us | of the floor | p50 ms at 100/s | p99 ms at 100/s | target | |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string name, string title, double target, int times) in Rows)
        {
            double rate = times * Median(rounds, round => round[name]!["perSecond"]!);
            double cpu = Median(rounds, round => round[name]!["brokerCpuUs"]!);
            double p99 = Median(rounds, round => round[name]!["p99Ms"]!);
            string ofFloor = times == 1 ? $"{Text(cpu / floor)}x" : "-";
            string p99Target = name == "attest" ? $"under 50 | {Met(p99 < 50)}" : "- | ";
            Console.Out.WriteLine(
                $"| {title} | {Text(rate)} ({Spread(rounds, name, "perSecond", times)}) | {Text(target)} | {Met(rate >= target)} | {Text(cpu)} | {ofFloor} | {Text(Median(rounds, round => round[name]!["p50Ms"]!))} | {Text(p99)} ({Spread(rounds, name, "p99Ms", 1)}) | {p99Target} |");
        }

        double renewals = Median(rounds, round => round["renew"]!["perSecond"]!);
        double perSecond = Enclaves / 3600.0;
        Console.Out.WriteLine($"""

            {Enclaves} enclaves that renew every hour, at half of it, ask for {Text(2 * perSecond)} renewals a second: {Text(200 * perSecond / renewals)} % of what this broker does beside
            the load program. All of them starting at once would be served in {Text(Enclaves / Median(rounds, round => round["attest"]!["perSecond"]!))} s.

            """);
    }

    private static void PrintMemory(JsonNode memory)
    {
        JsonArray samples = memory["samples"]!.AsArray();
        Console.Out.WriteLine($"""
            ## Memory

            {memory["renewals"]} renewals in {memory["seconds"]} s on sqlite{((long)memory["renewals"]! >= 1_000_000 ? "" : "; the target names 1,000,000, which this run did not make")}.{(memory["note"] is { } note ? $" {note}" : "")}

            | renewals | RSS MiB |
            | --- | --- |
            """);
        foreach (JsonNode? sample in samples)
        {
            Console.Out.WriteLine($"| {sample!["renewals"]} | {sample["rssMiB"]} |");
        }

        // The first half fills pools, caches and the heap's budget.
        JsonNode middle = samples[samples.Count / 2]!;
        JsonNode last = samples[^1]!;
        double grown = (double)last["rssMiB"]! - (double)middle["rssMiB"]!;
        double more = (double)last["renewals"]! - (double)middle["renewals"]!;
        Console.Out.WriteLine($"\nIn the second half: {Text(grown)} MiB over {Text(more)} renewals.");
    }

    private static double Median(JsonNode rounds, Func<JsonNode, JsonNode> figure)
    {
        double[] sorted = [.. rounds.AsArray().Select(round => (double)figure(round!)).Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Spread(JsonArray rounds, string name, string figure, int times)
    {
        double[] values = [.. rounds.Select(round => times * (double)round![name]![figure]!)];
        return $"{Text(values.Min())} to {Text(values.Max())}";
    }

    private static string Text(double value) => value.ToString(Math.Abs(value) < 10 ? "0.##" : "0", CultureInfo.InvariantCulture);

    private static string Met(bool met) => met ? "met" : "MISSED";
}
