using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Probe;

/// <summary>What probing one API version came to.</summary>
internal sealed class ProbeReport
{
    private readonly List<ProbeCheck> _checks = [];

    internal ProbeReport(string api)
    {
        Api = api;
    }

    internal string Api { get; }

    internal IReadOnlyList<ProbeCheck> Checks => _checks;

    internal Latencies Status { get; } = new();

    internal Latencies Encrypt { get; } = new();

    internal Latencies Decrypt { get; } = new();

    internal string Tee { get; set; } = "";

    internal string KeyId { get; set; } = "";

    internal bool Passed => _checks.TrueForAll(check => check.Passed);

    /// <summary>Records a check.</summary>
    internal bool Check(string name, bool passed, string detail)
    {
        _checks.Add(new ProbeCheck(name, passed, detail));
        return passed;
    }

    internal JsonObject ToJson() => new()
    {
        ["api"] = Api,
        ["ok"] = Passed,
        ["tee"] = Tee,
        ["keyId"] = KeyId,
        ["checks"] = new JsonArray([.. _checks.Select(check => (JsonNode)new JsonObject
        {
            ["name"] = check.Name,
            ["passed"] = check.Passed,
            ["detail"] = check.Detail,
        })]),
        ["latencies"] = new JsonObject
        {
            [Api == "v1" ? "version" : "status"] = Json(Status),
            ["encrypt"] = Json(Encrypt),
            ["decrypt"] = Json(Decrypt),
        },
    };

    internal static void Print(IReadOnlyList<ProbeReport> reports)
    {
        CliOutput.Table(
            ["api", "check", "", "seen"],
            reports.SelectMany(report => report.Checks.Select(check => (IReadOnlyList<string>)[report.Api, check.Name, check.Passed ? "ok" : "FAILED", check.Detail])));
        CliOutput.Table(
            ["api", "call", "calls", "p50 us", "p99 us"],
            reports.SelectMany(report => (IEnumerable<IReadOnlyList<string>>)
            [
                Row(report.Api, report.Api == "v1" ? "Version" : "Status", report.Status),
                Row(report.Api, "Encrypt", report.Encrypt),
                Row(report.Api, "Decrypt", report.Decrypt),
            ]));
    }

    private static IReadOnlyList<string> Row(string api, string call, Latencies latencies) =>
        [api, call, Number(latencies.Count), Number(latencies.Percentile(0.5)), Number(latencies.Percentile(0.99))];

    private static string Number(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    private static JsonObject Json(Latencies latencies) => new()
    {
        ["calls"] = latencies.Count,
        ["p50Us"] = Math.Round(latencies.Percentile(0.5), 1),
        ["p99Us"] = Math.Round(latencies.Percentile(0.99), 1),
    };
}
