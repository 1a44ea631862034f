using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;
using Cloister.Contracts.SecretsV1;

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>The answer of <c>cloister etcd rewrap</c>. docs/rewrap.md describes its JSON, which is stable.</summary>
internal sealed record RewrapReport(RewrapCounts Counts, RewrapOptions Options, StatusResponse Enclave)
{
    /// <summary>True when everything under the prefix is under the current KEK (or would be) and opens, and there is something.</summary>
    internal bool Ok => Counts.Left == 0 && (Counts.Keys > 0 || Options.AllowEmpty);

    internal void Print(OutputFormat output)
    {
        if (Counts.Keys == 0 && !Options.AllowEmpty)
        {
            Console.Error.WriteLine($"cloister: no keys under {CliOutput.Shown(Options.Prefix)}: check --endpoints and --prefix, or say --allow-empty");
        }

        if (output == OutputFormat.Json)
        {
            CliOutput.Json(ToJson());
            return;
        }

        string done = Options.DryRun ? "would be " : "";
        CliOutput.Table(
            ["keys", $"{Counts.Keys}"],
            new (string What, long Count)[]
            {
                ($"{done}rewrapped", Counts.Rewrapped),
                ($"{done}encrypted", Counts.Encrypted),
                ("current already", Counts.Current),
                ("deleted meanwhile", Counts.Gone),
                ("left in clear", Counts.Plaintext),
                ("left with another provider", Counts.Foreign),
                ("NOT DECRYPTABLE", Counts.Undecryptable),
                ("left: the KEK of the namespace is not in the enclave", Counts.NoKek),
                ("left ENCRYPTED TWICE: once with --unwrap-doubles", Counts.Double),
                ("not written: always written by others", Counts.Contended),
            }.Where(row => row.Count > 0).Select(row => (IReadOnlyList<string>)[row.What, row.Count.ToString(CultureInfo.InvariantCulture)]));
        if (Counts.Problems.Count > 0)
        {
            CliOutput.Table(
                [$"key ({Counts.Problems.Count} of {Counts.Left})", "not under the current KEK"],
                Counts.Problems.Select(problem => (IReadOnlyList<string>)[CliOutput.Shown(problem.Key), problem.What]));
        }
    }

    internal JsonObject ToJson() => new()
    {
        ["ok"] = Ok,
        ["dryRun"] = Options.DryRun,
        ["prefix"] = Options.Prefix,
        ["provider"] = Enclave.Provider,
        ["keyId"] = Enclave.KeyId,
        ["namespaceKeks"] = CurrentKeyIds.Of(Enclave).RulesJson(),
        ["keys"] = Counts.Keys,
        ["rewrapped"] = Counts.Rewrapped,
        ["encrypted"] = Counts.Encrypted,
        ["current"] = Counts.Current,
        ["gone"] = Counts.Gone,
        ["plaintext"] = Counts.Plaintext,
        ["foreign"] = Counts.Foreign,
        ["undecryptable"] = Counts.Undecryptable,
        ["noKek"] = Counts.NoKek,
        ["double"] = Counts.Double,
        ["contended"] = Counts.Contended,
        ["retries"] = Counts.Retries,
        ["left"] = new JsonArray([.. Counts.Problems.Select(problem => (JsonNode)new JsonObject { ["key"] = problem.Key, ["what"] = problem.What })]),
    };
}
