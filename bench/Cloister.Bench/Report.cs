using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Bench;

/// <summary>Results as a table for people, with the targets beside them.</summary>
internal static class Report
{
    // What was asked for: the ratio of ours to the peer's that is still good, and whether more is better.
    private static readonly (string Section, string Figure, string Title, double Target, bool MoreIsBetter)[] Rows =
    [
        ("encrypt, 1 callers", "p50Us", "p50 us, 1 caller", 0.6, false),
        ("encrypt, 16 callers", "rps", "calls/s, 16 callers", 2.0, true),
        ("encrypt, 64 callers", "rps", "calls/s, 64 callers", 2.0, true),
        ("encrypt, 1 callers", "serverCpuUs", "server CPU us a call, 1 caller", 0.5, false),
        ("encrypt, 16 callers", "serverCpuUs", "server CPU us a call, 16 callers", 0.2, false),
        ("encrypt, 64 callers", "serverCpuUs", "server CPU us a call, 64 callers", 0.2, false),
        ("memory after load", "rssKiB", "RSS after load, KiB", 1.0, false),
        ("start", "firstStatusMs", "exec to first Status, ms", 1.0, false),
    ];

    internal static void Print(string path)
    {
        JsonNode results = JsonNode.Parse(File.ReadAllText(path))!;
        Console.Out.WriteLine($"""
            # Plugin against the Go peer

            {results["date"]}, commit {results["commit"]}; {results["machine"]!["cpu"]}, {results["machine"]!["cores"]} cores, kernel {results["machine"]!["kernel"]},
            load before {results["machine"]!["loadBefore"]}, after {results["machine"]!["loadAfter"]}; .NET SDK {results["versions"]!["dotnet"]}, OpenSSL {results["versions"]!["openssl"]}.
            Medians of {results["rounds"]} rounds that took turns; the ratio is ours to the peer's, median (least to greatest) of neighbouring rounds.

            | | ours | peer | ratio | target | |
            | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string section, string figure, string title, double target, bool more) in Rows)
        {
            JsonNode row = results["plugin"]![section]![figure]!;
            double ratio = (double)row["ratio"]!;
            bool met = more ? ratio >= target : ratio <= target;
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {title} | {row["ours"]} | {row["peer"]} | {ratio:0.00} ({(double)row["ratioMin"]!:0.00} to {(double)row["ratioMax"]!:0.00}) | {(more ? "at least" : "at most")} {target:0.0} | {(met ? "met" : "MISSED")} |"));
        }

        double ours = Spread.Median(results["envelopeNs"]!["ours"]!.AsArray().Select(round => (double)round!["xaeswrap"]!["median"]!));
        foreach (string peer in (string[])["envelope", "xaeswrap"])
        {
            double theirs = Spread.Median(results["envelopeNs"]!["peer"]!.AsArray().Select(round => (double)round![peer]!["median"]!));
            string title = peer == "envelope" ? "envelope of 32 bytes, ns; Go: DEK, AES-GCM, wrap" : "envelope of 32 bytes, ns; Go: XAES wrap of a DEK";
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {title} | {ours:0} | {theirs:0} | {ours / theirs:0.00} | at most 1.0 | {(ours <= theirs ? "met" : "MISSED")} |"));
        }

        long bytes = (long)results["enclaveBytes"]!;
        Console.Out.WriteLine($"| size of cloister-enclave, bytes | {bytes} | - | - | at most 7000000 | {(bytes <= 7_000_000 ? "met" : "MISSED")} |");
    }
}
