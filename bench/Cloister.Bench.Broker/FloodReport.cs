using System.Text.Json.Nodes;

namespace Cloister.Bench.Broker;

/// <summary>Results of the floods as tables for people, with the target beside them.</summary>
internal static class FloodReport
{
    private const double TargetMs = 250;

    /// <summary>Prints.</summary>
    /// <returns>Whether the target was met everywhere.</returns>
    internal static bool Print(string path)
    {
        JsonNode all = JsonNode.Parse(File.ReadAllText(path))!;
        JsonNode machine = all["machine"]!;
        JsonNode results = all["results"]!;
        Console.Out.WriteLine($"""
            # Renewals while strangers flood the broker

            {all["date"]}, commit {all["commit"]}; {machine["cpu"]}, {machine["cores"]} cores, kernel {machine["kernel"]}; load before {machine["loadBefore"]}, after {machine["loadAfter"]};
            .NET SDK {all["versions"]!["dotnet"]}, SQLite. {results["renewalsPerSecond"]} renewals a second of known enclaves, {all["secondsEach"]} s each. Strangers: a third each of quotes of unknown
            platform models whose signatures hold, the same with 900,000 bytes beside them, and SEV-SNP reports of made-up chips. The PCCS takes 10 s to say that it has nothing. The load program
            is on the same cores.

            """);
        bool met = true;
        foreach ((string name, string title) in ((string, string)[])[("oneSource", "All strangers from one address"), ("manySources", "No limit for an address, as if each had its own")])
        {
            Console.Out.WriteLine($"""
                ## {title}

                | strangers a second | renewals: p50 ms | p99 ms | under {TargetMs:0} | answers to strangers | asked of PCCS and KDS | broker CPU s | database KiB |
                | --- | --- | --- | --- | --- | --- | --- | --- |
                """);
            foreach (JsonNode? row in results[name]!.AsArray())
            {
                bool isMet = (double)row!["p99Ms"]! < TargetMs;
                met &= isMet;
                string answers = string.Join(", ", row["answers"]!.AsObject().Select(one => $"{one.Key} {one.Value}"));
                Console.Out.WriteLine(
                    $"| {row["strangersPerSecond"]} | {row["p50Ms"]} | {row["p99Ms"]} | {(isMet ? "met" : "MISSED")} | {(answers.Length > 0 ? answers : "-")} | {row["askedOfServices"]} | {row["brokerCpuSeconds"]} | {row["databaseKiB"]} |");
            }

            Console.Out.WriteLine();
        }

        return met;
    }
}
