using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd;

/// <summary>The answer of <c>cloister etcd coverage</c>. docs/coverage.md describes its JSON, which is stable.</summary>
internal sealed record CoverageReport(Coverage Coverage, string Prefix, string EtcdVersion, long Revision, bool AllowEmpty)
{
    /// <summary>True when the requirement holds for all keys, and there are any: a mistyped prefix covers nothing.</summary>
    internal bool Ok => Coverage.Offending == 0 && (Coverage.Keys > 0 || AllowEmpty);

    internal void Print(OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(ToJson());
        }
        else
        {
            PrintTables();
        }

        if (Coverage.Keys == 0 && !AllowEmpty)
        {
            Console.Error.WriteLine($"cloister: no keys under {CliOutput.Shown(Prefix)}: check --prefix, or say --allow-empty");
        }
    }

    internal JsonObject ToJson() => new()
    {
        ["ok"] = Ok,
        ["etcdVersion"] = EtcdVersion,
        ["revision"] = Revision,
        ["prefix"] = Prefix,
        ["require"] = Name(Coverage.Rules.Requirement),
        ["provider"] = Coverage.Rules.Provider,
        ["currentKeyId"] = Coverage.Rules.Current?.Default,
        ["namespaceKeks"] = Coverage.Rules.Current?.RulesJson() ?? [],
        ["keys"] = Coverage.Keys,
        ["offending"] = Coverage.Offending,
        ["stale"] = Coverage.Rules.Current is null ? null : Coverage.Stale,
        ["stored"] = new JsonArray([.. Coverage.Stored.Select(entry => (JsonNode)StoredJson(entry.Key, entry.Value))]),
        ["namespaces"] = new JsonArray([.. Coverage.Namespaces.Select(entry => (JsonNode)new JsonObject
        {
            ["namespace"] = entry.Key,
            ["keys"] = entry.Value.Keys,
            ["encrypted"] = entry.Value.Encrypted,
            ["stale"] = Coverage.Rules.Current is null ? null : entry.Value.Stale,
            ["offending"] = entry.Value.Offending,
        })]),
        ["offenders"] = new JsonArray([.. Coverage.Offenders.Select(offender => (JsonNode)new JsonObject
        {
            ["key"] = offender.Key,
            ["kind"] = offender.Storage.Kind.Name(),
        })]),
    };

    private static JsonObject StoredJson(StoredCount stored, long count) => new()
    {
        ["kind"] = stored.Storage.Kind.Name(),
        ["provider"] = OrNull(stored.Storage.Provider),
        ["keyId"] = OrNull(stored.Storage.KeyId),
        ["kek"] = OrNull(stored.Storage.Kek),
        ["stale"] = stored.Stale,
        ["holds"] = stored.Holds,
        ["keys"] = count,
    };

    private void PrintTables()
    {
        CliOutput.Table(
            ["stored", "provider or key", "key_id", "stale", "keys", Name(Coverage.Rules.Requirement)],
            Coverage.Stored.Select(entry => (IReadOnlyList<string>)
            [
                entry.Key.Storage.Kind.Name(), CliOutput.Shown(entry.Key.Storage.Provider), CliOutput.Shown(entry.Key.Storage.KeyId),
                entry.Key.Stale switch { true => "stale", false => "current", null => "" },
                Number(entry.Value), entry.Key.Holds ? "ok" : "NO",
            ]));
        CliOutput.Table(
            ["namespace", "keys", "encrypted", "stale", "offending"],
            Coverage.Namespaces.Select(entry => (IReadOnlyList<string>)
            [
                CliOutput.Shown(entry.Key), Number(entry.Value.Keys), Number(entry.Value.Encrypted),
                Coverage.Rules.Current is null ? "" : Number(entry.Value.Stale), Number(entry.Value.Offending),
            ]));
        if (Coverage.Offending > 0)
        {
            CliOutput.Table(
                [$"offending key ({Number(Coverage.Offenders.Count)} of {Number(Coverage.Offending)})", "stored"],
                Coverage.Offenders.Select(offender => (IReadOnlyList<string>)[CliOutput.Shown(offender.Key), offender.Storage.Kind.Name()]));
        }
    }

    private static JsonValue? OrNull(string text) => text.Length == 0 ? null : JsonValue.Create(text);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Name(Requirement requirement) => requirement switch
    {
        Requirement.Encrypted => "encrypted",
        Requirement.Provider => "provider",
        _ => "current",
    };
}
