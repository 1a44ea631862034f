using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Cloister.Cli.Output;

namespace Cloister.Cli.Doctor;

/// <summary>Prints what was found: a table, JSON, or JUnit's XML for CI systems.</summary>
internal static class DoctorReport
{
    internal static JsonObject Json(IReadOnlyList<CheckResult> results, NodeFacts node) => new()
    {
        ["ok"] = !results.Any(result => result.Finding.State == CheckState.Error),
        ["counts"] = new JsonObject(Enum.GetValues<CheckState>().Select(state => KeyValuePair.Create(Name(state), (JsonNode?)results.Count(result => result.Finding.State == state)))),
        ["node"] = node.ToJson(),
        ["checks"] = new JsonArray([.. results.Select(result => (JsonNode)new JsonObject
        {
            ["id"] = result.Check.Id,
            ["phase"] = Name(result.Check.Phase),
            ["state"] = Name(result.Finding.State),
            ["title"] = result.Check.Title,
            ["target"] = result.Finding.Target,
            ["seen"] = result.Finding.Seen,
            ["fix"] = result.Finding.Fix,
            ["command"] = result.Finding.Command,
            ["document"] = result.Check.Document,
        })]),
    };

    /// <summary>JUnit's XML: one suite a phase, one case a finding. A warning is a case that passes with a text.</summary>
    internal static string JUnit(IReadOnlyList<CheckResult> results)
    {
        XElement root = new("testsuites", new XAttribute("name", "cloister doctor"), Counts(results));
        foreach (IGrouping<DoctorPhase, CheckResult> phase in results.GroupBy(result => result.Check.Phase))
        {
            root.Add(new XElement("testsuite", new XAttribute("name", Name(phase.Key)), Counts([.. phase]), phase.Select(Case)));
        }

        return $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}\n";
    }

    internal static void Table(IReadOnlyList<CheckResult> results)
    {
        CliOutput.Table(["", "check", "where", "seen", "do"], results
            .Where(result => result.Finding.State != CheckState.Skipped)
            .OrderByDescending(result => result.Finding.State)
            .Select(result => (IReadOnlyList<string>)
            [
                result.Finding.State == CheckState.Ok ? "ok" : Name(result.Finding.State).ToUpperInvariant(), result.Check.Id, CliOutput.Shown(result.Finding.Target),
                CliOutput.Shown(result.Finding.Seen),
                CliOutput.Shown(string.Join(": ", ((string[])[result.Finding.Fix, result.Finding.Command]).Where(text => text.Length > 0))),
            ]));
        foreach (IGrouping<string, CheckResult> why in results.Where(result => result.Finding.State == CheckState.Skipped).GroupBy(result => result.Finding.Seen))
        {
            Console.Error.WriteLine($"cloister: skipped {string.Join(", ", why.Select(result => result.Check.Id))}: {CliOutput.Shown(why.Key)}");
        }
    }

    internal static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static XAttribute[] Counts(IReadOnlyList<CheckResult> results) =>
    [
        new("tests", results.Count),
        new("failures", results.Count(result => result.Finding.State == CheckState.Error)),
        new("skipped", results.Count(result => result.Finding.State == CheckState.Skipped)),
    ];

    private static XElement Case(CheckResult result)
    {
        Finding finding = result.Finding;
        string text = string.Create(CultureInfo.InvariantCulture, $"{finding.Seen}\nfix: {finding.Fix}\ncommand: {finding.Command}\ndocument: {result.Check.Document}");
        XElement found = new("testcase", new XAttribute("classname", result.Check.Id), new XAttribute("name", Xml(finding.Target.Length > 0 ? $"{result.Check.Title} ({finding.Target})" : result.Check.Title)));
        switch (finding.State)
        {
            case CheckState.Error:
                found.Add(new XElement("failure", new XAttribute("message", Xml(finding.Seen)), Xml(text)));
                break;
            case CheckState.Skipped:
                found.Add(new XElement("skipped", new XAttribute("message", Xml(finding.Seen))));
                break;
            case CheckState.Warn:
                found.Add(new XElement("system-out", Xml($"WARN: {text}")));
                break;
        }

        return found;
    }

    // What came from elsewhere may hold characters that XML has no place for.
    private static string Xml(string text) => string.Concat(text.Select(c => c == '\n' || (!char.IsControl(c) && !char.IsSurrogate(c) && c < '\uFFFE') ? c : '\uFFFD'));
}
