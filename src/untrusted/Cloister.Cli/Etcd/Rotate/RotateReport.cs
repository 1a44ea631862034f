using System.Text.Json.Nodes;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>The answer of <c>cloister etcd rotate</c>. docs/rewrap.md describes its JSON, which is stable.</summary>
internal sealed record RotateReport(string OldKeyId, string NewKeyId, int Nodes, RewrapReport Rewrap, CoverageReport Coverage, bool Retired)
{
    /// <summary>Why the old version cannot go: values anywhere in etcd that need it; null when there are none, or it was not looked for.</summary>
    internal string? Needed { get; init; }

    /// <summary>
    /// True when nothing is left under another KEK, every value of the provider opens, nobody wrote with another KEK since all nodes had come over, and
    /// no value anywhere needs the old version.
    /// </summary>
    internal bool Ok => Coverage.Coverage.Stale == 0 && Rewrap.Counts.Late == 0 && Rewrap.Counts.Undecryptable == 0 && Needed is null;

    internal void Print(OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["ok"] = Ok,
                ["oldKeyId"] = OldKeyId,
                ["newKeyId"] = NewKeyId,
                ["nodes"] = Nodes,
                ["stale"] = Coverage.Coverage.Stale,
                ["lateWrites"] = Rewrap.Counts.Late,
                ["retired"] = Retired,
                ["needed"] = Needed,
                ["rewrap"] = Rewrap.ToJson(),
                ["coverage"] = Coverage.ToJson(),
            });
            return;
        }

        CliOutput.Table(["rotation", ""],
        [
            ["old key_id", OldKeyId],
            ["new key_id", NewKeyId],
            ["nodes that write with it", $"{Nodes}"],
            ["stale values left", $"{Coverage.Coverage.Stale}"],
            ["late writes with another KEK", $"{Rewrap.Counts.Late}"],
            ["old version", Retired ? "retired" : Needed is null ? "kept" : "kept: values need it"],
        ]);
        Rewrap.Print(output);
    }
}
