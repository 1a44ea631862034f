using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd;

/// <summary>The answer of <c>cloister etcd coverage</c>. docs/coverage.md describes its JSON, which is stable.</summary>
internal sealed record CoverageReport(Coverage Coverage, string Prefix, string EtcdVersion, long Revision, bool AllowEmpty)
{
    /// <summary>Names of KEKs; null when nobody was asked for them.</summary>
    internal KekNames? Names { get; init; }

    /// <summary>Which KEKs all of etcd names; null when only the prefix was looked at.</summary>
    internal KekScanReport? Scan { get; init; }

    /// <summary>What lies outside the prefix.</summary>
    internal OutsideCoverage Outside { get; init; } = new();

    /// <summary>
    /// True when the requirement holds for all keys, none is known not to open, and there are any: a mistyped prefix covers nothing; and no Secret
    /// lies in clear outside the prefix.
    /// </summary>
    internal bool Ok => Coverage.Offending == 0 && (Coverage.Keys > 0 || AllowEmpty) && Outside.Ok;

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
        ["undecryptable"] = Coverage.Rules.Verify ? Coverage.Undecryptable : null,
        ["unverified"] = Coverage.Rules.Verify ? Coverage.Unverified : null,
        ["encryptedTwice"] = Coverage.Rules.Verify ? Coverage.EncryptedTwice : null,
        ["outside"] = Scan is null ? null : Outside.ToJson(),
        ["scan"] = Scan?.ToJson(Names),
        ["stored"] = new JsonArray([.. Coverage.Stored.Select(entry => (JsonNode)StoredJson(entry.Key, entry.Value))]),
        ["namespaces"] = new JsonArray([.. Coverage.Namespaces.Select(entry => (JsonNode)new JsonObject
        {
            ["namespace"] = entry.Key,
            ["keys"] = entry.Value.Keys,
            ["encrypted"] = entry.Value.Encrypted,
            ["stale"] = Coverage.Rules.Current is null ? null : entry.Value.Stale,
            ["undecryptable"] = Coverage.Rules.Verify ? entry.Value.Undecryptable : null,
            ["offending"] = entry.Value.Offending,
            ["kinds"] = new JsonObject(entry.Value.Kinds.Select(kind => KeyValuePair.Create(kind.Key.Name(), (JsonNode?)kind.Value))),
        })]),
        ["offenders"] = new JsonArray([.. Coverage.Offenders.Select(offender => (JsonNode)new JsonObject
        {
            ["key"] = offender.Key,
            ["kind"] = offender.Storage.Kind.Name(),
            ["opens"] = offender.Opens,
            ["inner"] = OrNull(offender.Inner),
        })]),
    };

    private JsonObject StoredJson(StoredCount stored, long count) => new()
    {
        ["kind"] = stored.Storage.Kind.Name(),
        ["provider"] = OrNull(stored.Storage.Provider),
        ["keyId"] = OrNull(stored.Storage.KeyId),
        ["kek"] = OrNull(stored.Storage.Kek),
        ["kekName"] = Names?.Find(stored.Storage)?.Name,
        ["kekVersion"] = Names?.Find(stored.Storage)?.Version,
        ["stale"] = stored.Stale,
        ["opens"] = stored.Opens,
        ["holds"] = stored.Holds,
        ["keys"] = count,
    };

    // Columns that nobody asked for are left out.
    private void PrintTables()
    {
        bool verify = Coverage.Rules.Verify;
        CliOutput.Table(
            ["stored", "provider or key", "key_id", .. Names is null ? (string[])[] : ["KEK"], "stale", .. verify ? (string[])["opens"] : [], "keys", Name(Coverage.Rules.Requirement)],
            Coverage.Stored.Select(entry => (IReadOnlyList<string>)
            [
                entry.Key.Storage.Kind.Name(), CliOutput.Shown(entry.Key.Storage.Provider), CliOutput.Shown(entry.Key.Storage.KeyId),
                .. Names is null ? (string[])[] : [CliOutput.Shown(Names.Find(entry.Key.Storage)?.ToString() ?? "")],
                entry.Key.Stale switch { true => "stale", false => "current", null => "" },
                .. verify ? (string[])[Opens(entry.Key.Opens)] : [],
                Number(entry.Value), entry.Key.Holds ? "ok" : "NO",
            ]));
        CliOutput.Table(
            ["namespace", "keys", "encrypted", "stale", .. verify ? (string[])["undecryptable"] : [], "offending", "kinds"],
            Coverage.Namespaces.Select(entry => (IReadOnlyList<string>)
            [
                CliOutput.Shown(entry.Key), Number(entry.Value.Keys), Number(entry.Value.Encrypted),
                Coverage.Rules.Current is null ? "" : Number(entry.Value.Stale),
                .. verify ? (string[])[Number(entry.Value.Undecryptable)] : [],
                Number(entry.Value.Offending), string.Join(", ", entry.Value.Kinds.Select(kind => $"{kind.Key.Name()} {Number(kind.Value)}")),
            ]));
        if (Coverage.Offending > 0)
        {
            CliOutput.Table(
                [$"offending key ({Number(Coverage.Offenders.Count)} of {Number(Coverage.Offending)})", "stored", .. verify ? (string[])["opens"] : []],
                Coverage.Offenders.Select(offender => (IReadOnlyList<string>)
                [
                    CliOutput.Shown(offender.Key), offender.Storage.Kind.Name(),
                    .. verify ? (string[])[offender.Inner.Length > 0 ? $"encrypted twice: {CliOutput.Shown(offender.Inner)}" : Opens(offender.Opens)] : [],
                ]));
        }

        if (verify)
        {
            CliOutput.Table(
                ["verified", "keys"],
                [["undecryptable", Number(Coverage.Undecryptable)], ["encrypted twice", Number(Coverage.EncryptedTwice)], ["of other providers, cannot be told", Number(Coverage.Unverified)]]);
        }

        PrintScan();
    }

    private void PrintScan()
    {
        if (Scan is not null)
        {
            Outside.Print();
            if (Scan.Uses.ByKeyId.Count > 0)
            {
                CliOutput.Table(["KEK that values name", "KEK", "values", "older values", "where"], Scan.Uses.Rows(Names));
            }

            Console.Error.WriteLine($"cloister: looked at {Scan.Scope}");
        }
    }

    private static string Opens(bool? opens) => opens switch { true => "yes", false => "NO", null => "" };

    private static JsonValue? OrNull(string text) => text.Length == 0 ? null : JsonValue.Create(text);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Name(Requirement requirement) => requirement switch
    {
        Requirement.Encrypted => "encrypted",
        Requirement.Provider => "provider",
        _ => "current",
    };
}
