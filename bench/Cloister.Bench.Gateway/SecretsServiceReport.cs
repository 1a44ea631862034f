using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>Results of <see cref="SecretsServiceBench"/> as a table for people.</summary>
internal static class SecretsServiceReport
{
    private static readonly (string Section, string Peer, string Title)[] Parts =
    [
        ("service, us a value", "local", "The service alone: us a value; the peer is the transformer of k8s.io/apiserver with a seed in its own memory"),
        ("calls, p50 us", "kms-v2", "A real API server: p50 of a call, us; the peer is the same server with the plain KMS v2 provider"),
        ("lists", "kms-v2", "A real API server that was just started: the first list of all Secrets"),
    ];

    internal static void Print(string path)
    {
        JsonNode results = JsonNode.Parse(File.ReadAllText(path))!;
        Console.WriteLine($"""
            # The secrets service

            `make publish && bench/run-secrets`; [secrets.json](secrets.json) has every number. {results["machine"]}, shared; load average before `{results["loadBefore"]}`,
            after `{results["loadAfter"]}`. Values of 1 KiB, etcd without fsync. Medians of {results["rounds"]} rounds (least to greatest) that took turns; the ratio is ours
            to the peer's, round by round. A batch has 500 values; with several callers, "one in so many us" is the throughput. CPU is the caller's and the enclave's.
            The peer decrypts the same value again and again, for which it derives a key once: with others it would take about what it takes to encrypt.
            """);
        foreach ((string section, string peer, string title) in Parts)
        {
            Console.WriteLine($"\n{title}{(section == "lists" ? $", {results["secrets"]} of them" : "")}.\n\n| | secrets service | {peer} | ratio |\n| --- | --: | --: | --: |");
            foreach ((string what, JsonNode? row) in results[section]!.AsObject())
            {
                Console.WriteLine($"| {what} | {Cell(row!["secrets-service"]!)} | {Cell(row[peer]!)} | {Cell(row["ratio round by round"]!)} |");
            }
        }
    }

    private static string Cell(JsonNode spread) =>
        string.Create(CultureInfo.InvariantCulture, $"{(double)spread["median"]!} ({(double)spread["least"]!} to {(double)spread["most"]!})");
}
