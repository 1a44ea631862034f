using System.Text.Json.Nodes;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>The answer of <c>cloister etcd rotate</c>. docs/rewrap.md describes its JSON, which is stable.</summary>
internal sealed record RotateReport(string OldKeyId, string NewKeyId, int Nodes, RewrapReport Rewrap, CoverageReport Coverage, bool Retired)
{
    /// <summary>True when nothing is left under another KEK, and nobody wrote with one since all nodes had come over.</summary>
    internal bool Ok => Coverage.Coverage.Stale == 0 && Rewrap.Counts.Late == 0;

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
            ["old version", Retired ? "retired" : "kept"],
        ]);
        Rewrap.Print(output);
    }
}
