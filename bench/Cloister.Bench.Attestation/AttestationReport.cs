using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Attestation;

/// <summary>Results as tables for people, with the targets beside them.</summary>
internal static class AttestationReport
{
    private const double BareTarget = 1.3;

    internal static void Print(string path)
    {
        JsonNode results = JsonNode.Parse(File.ReadAllText(path))!;
        JsonNode machine = results["machine"]!;
        JsonNode[] ours = [.. results["ours"]!.AsArray().Select(round => round!)];
        JsonNode[] peer = [.. results["peer"]!.AsArray().Select(round => round!)];
        Console.Out.WriteLine($"""
            # Attestation against Go's verifiers and against the bare signatures

            {results["date"]}, commit {results["commit"]}; {machine["cpu"]}, {machine["cores"]} cores, kernel {machine["kernel"]}, load before {machine["loadBefore"]}, after {machine["loadAfter"]};
            .NET SDK {results["versions"]!["dotnet"]}, OpenSSL {results["versions"]!["openssl"]}; {results["versions"]!["peer"]}
            {ours.Length} rounds; both sides took turns as whole programs. Each verification is timed by itself, the median is a program's figure; CPU is of the whole
            process, garbage collection included. Ratios: median (least to greatest) of the rounds. Real evidence, offline, at its manifest's time.

            ## Against google/go-tdx-guest and google/go-sev-guest

            Nothing remembered: from the bytes of evidence, collateral and certificates to the answer.

            | evidence | ours, us | Go, us | ratio | ratio of CPU time | target | | bytes allocated, ours | Go |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string name, JsonNode? result) in peer[0].AsObject().Where(one => one.Value!["us"] is not null && ours[0][one.Key] is not null))
        {
            JsonObject time = Compare(ours, round => Value(round, name, "cold", "us"), peer, round => (double)round[name]!["us"]!);
            JsonObject cpu = Compare(ours, round => Value(round, name, "cold", "cpuUs"), peer, round => (double)round[name]!["cpuUs"]!);
            string note = result!["refused"] is null ? "" : " (1)";
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name}{note} | {time["ours"]} | {time["peer"]} | {Ratio(time)} | {Ratio(cpu)} | below 1 | {Met((double)time["ratio"]! < 1)} | {Value(ours[0], name, "cold", "bytes")} | {result["bytes"]} |"));
        }

        Console.Out.WriteLine("""

            (1) go-tdx-guest has verified every signature by then and stops: it refuses platforms that are not UpToDate, and TCB info with an FMSPC in capitals. What
            it leaves out is counted in its favour. It does not read TDX quotes of version 5 or SGX quotes, and there is no Nitro verifier among the two.
            """);
        Bare(ours, "cold", "Against the bare signatures, cold", "All signatures, with nothing remembered.");
        Bare(ours, "warm", "Against the bare signatures, verified before", "Collateral (SGX, TDX) or certificates (SNP, Nitro) verified before; the signatures that remain.");
    }

    private static void Bare(JsonNode[] ours, string section, string title, string what)
    {
        Console.Out.WriteLine($"""

            ## {title}

            {what} Bare: EVP_PKEY_verify over digests that are ready, with keys that are ready, or read from SubjectPublicKeyInfo each time.

            | evidence | signatures | ours, us | bare, us | ratio | target | | bare with import, us | bytes allocated |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string name, _) in ours[0].AsObject())
        {
            JsonObject time = Compare(ours, round => Value(round, name, section, "us"), ours, round => Value(round, name, section, "bareUs"));
            double import = Spread.Median(ours.Select(round => Value(round, name, section, "bareWithImportUs")));
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {Value(ours[0], name, section, "signatures")} | {time["ours"]} | {time["peer"]} | {Ratio(time)} | at most {BareTarget:0.0} | {Met((double)time["ratio"]! <= BareTarget)} | {import:0.0} | {Value(ours[0], name, section, "bytes")} |"));
        }
    }

    private static JsonObject Compare(JsonNode[] ours, Func<JsonNode, double> our, JsonNode[] peer, Func<JsonNode, double> their) =>
        Spread.Compare([.. ours.Select(our)], [.. peer.Select(their)]);

    private static double Value(JsonNode round, string name, string section, string figure) => (double)round[name]![section]![figure]!;

    private static string Ratio(JsonObject compared) =>
        string.Create(CultureInfo.InvariantCulture, $"{(double)compared["ratio"]!:0.00} ({(double)compared["ratioMin"]!:0.00} to {(double)compared["ratioMax"]!:0.00})");

    private static string Met(bool met) => met ? "met" : "MISSED";
}
