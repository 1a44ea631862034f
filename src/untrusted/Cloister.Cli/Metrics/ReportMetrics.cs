using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Metrics;

/// <summary>
/// What timers found, from the JSON that they leave in files: <c>cloister etcd coverage -o json</c> and <c>cloister etcd rotation status -o json</c>. A file that is missing
/// or something else is said, not left out: an alert has to know.
/// </summary>
internal static class ReportMetrics
{
    private static readonly string[] Stages = ["Degraded", "Distributing", "Migrating", "Complete"];

    /// <summary>Writes them.</summary>
    internal static void Write(PrometheusText text, IReadOnlyList<string> files)
    {
        List<(string Labels, JsonObject? Report, double At)> all = [.. files.Select(Read)];
        text.Gauge("cloister_report_readable", "The file of --report is there and is a report.", all.Select(one => (one.Labels, one.Report is null ? 0.0 : 1)));
        List<(string Labels, JsonObject Report, double At)> read = [.. all.Where(one => one.Report is not null).Select(one => (one.Labels, one.Report!, one.At))];
        text.Gauge("cloister_report_timestamp_seconds", "When the file was written, Unix time.", read.Select(one => (one.Labels, one.At)));
        Coverage(text, [.. read.Where(one => one.Report.ContainsKey("offending"))]);
        Rotation(text, [.. read.Where(one => one.Report.ContainsKey("stage"))]);
    }

    private static void Coverage(PrometheusText text, List<(string Labels, JsonObject Report, double At)> reports)
    {
        text.Gauge("cloister_coverage_ok", "What 'cloister etcd coverage' was asked to require holds for every value.", reports.Select(one => (one.Labels, Number(one.Report["ok"]) ?? 0)));
        text.Gauge("cloister_coverage_keys", "Values in etcd, by how they are stored.", reports.SelectMany(one => (one.Report["stored"] as JsonArray ?? [])
            .GroupBy(stored => (string?)stored?["kind"] ?? "unknown")
            .Select(kind => ($"{one.Labels},{PrometheusText.Labels(("kind", kind.Key))}", kind.Sum(stored => Number(stored?["keys"]) ?? 0)))));
        Values("cloister_coverage_offending", "Values that are not stored as required.", report => report["offending"]);
        Values("cloister_coverage_stale", "Values under another key_id than writes use; none where it was not asked.", report => report["stale"]);
        Values("cloister_coverage_undecryptable", "Values that do not open; none without --verify.", report => report["undecryptable"]);
        Values("cloister_coverage_clear_outside", "Secrets in clear outside of the prefix.", report => report["outside"]?["secretsInClear"]);

        void Values(string name, string help, Func<JsonObject, JsonNode?> value) =>
            text.Gauge(name, help, reports.Select(one => (one.Labels, Value: Number(value(one.Report)))).Where(one => one.Value is not null).Select(one => (one.Labels, one.Value!.Value)));
    }

    private static void Rotation(PrometheusText text, List<(string Labels, JsonObject Report, double At)> reports)
    {
        text.Gauge("cloister_rotation_stage", "1 for the stage that a rotation is in, as 'cloister etcd rotation status' has it; Complete also when there is none.", reports.SelectMany(one => Stages
            .Select(stage => ($"{one.Labels},{PrometheusText.Labels(("stage", stage))}", (string?)one.Report["stage"] == stage ? 1.0 : 0))));
        text.Gauge("cloister_rotation_stale", "Values under another key_id than writes use; none while nodes differ.", reports
            .Select(one => (one.Labels, Value: Number(one.Report["stale"]))).Where(one => one.Value is not null).Select(one => (one.Labels, one.Value!.Value)));
    }

    private static (string Labels, JsonObject? Report, double At) Read(string file)
    {
        string labels = PrometheusText.Labels(("report", Path.GetFileNameWithoutExtension(file)));
        try
        {
            JsonObject? report = JsonNode.Parse(File.ReadAllText(file)) as JsonObject;
            bool known = report is not null && (report.ContainsKey("offending") || report.ContainsKey("stage"));
            return (labels, known ? report : null, new DateTimeOffset(File.GetLastWriteTimeUtc(file)).ToUnixTimeMilliseconds() / 1000.0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return (labels, null, 0);
        }
    }

    private static double? Number(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Number => node.GetValue<double>(),
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => null,
    };
}
