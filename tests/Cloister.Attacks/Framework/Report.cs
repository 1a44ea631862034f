using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Attacks.Framework;

/// <summary>What a run came to, for people and for programs.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Json(IReadOnlyList<Result> results) => new JsonObject
    {
        ["attacks"] = new JsonArray([.. results.Select(result => new JsonObject
        {
            ["name"] = result.Attack.Name,
            ["attacker"] = result.Attack.Attacker.Key(),
            ["has"] = result.Attack.Has,
            ["promise"] = result.Attack.Promise == Promise.Protected ? "protected" : "not-protected",
            ["how"] = result.Attack.How,
            ["refused"] = result.Refused,
            ["control"] = result.Control,
            ["passed"] = result.Passed,
            ["skipped"] = result.Skipped,
            ["fault"] = result.Fault,
            ["detail"] = result.Detail,
            ["seconds"] = Math.Round(result.Seconds, 1),
        })]),
    }.ToJsonString(Indented);

    /// <summary>A table, what was seen of each that failed or was skipped, and the count.</summary>
    /// <param name="results">Of the attacks.</param>
    /// <param name="documents">What documents and catalogue do not agree on; null when that was not checked.</param>
    public static string Text(IReadOnlyList<Result> results, IReadOnlyList<string>? documents)
    {
        List<string> lines = [];
        string[][] table =
        [
            ["attack", "attacker", "what he has", "result", "refused how / what is lost"],
            .. results.Select(result => (string[])[result.Attack.Name, result.Attack.Attacker.Text(), result.Attack.Has, Verdict(result), result.Attack.How]),
        ];
        int[] widths = [.. Enumerable.Range(0, 4).Select(column => table.Max(row => row[column].Length))];
        lines.AddRange(table.Select(row => string.Concat(row.Take(4).Select((cell, column) => cell.PadRight(widths[column] + 2))) + row[4]));
        lines.Add("");
        lines.AddRange(results.Where(result => result.Skipped is not null).Select(result => $"NOT CHECKED attack {result.Attack.Name}: {result.Skipped}"));
        lines.AddRange(results.Where(result => result.Fault is not null).Select(result => $"FAILED attack {result.Attack.Name}: {result.Fault}"));
        lines.AddRange(documents?.Select(fault => $"FAILED documents: {fault}") ?? []);
        int failed = results.Count(result => result.Fault is not null) + (documents is { Count: > 0 } ? 1 : 0);
        int passed = results.Count(result => result.Passed) + (documents is { Count: 0 } ? 1 : 0);
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{passed} passed, {failed} failed, {results.Count(result => result.Skipped is not null)} skipped"));
        return string.Join('\n', lines);
    }

    private static string Verdict(Result result) => result switch
    {
        { Skipped: not null } => "skipped",
        { Passed: false } => "FAILED",
        { Refused: true } => "refused",
        _ => "succeeds",
    };
}
