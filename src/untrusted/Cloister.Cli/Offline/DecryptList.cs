using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Etcd;
using Cloister.Cli.Offline.Snapshots;
using Cloister.Cli.Output;

namespace Cloister.Cli.Offline;

/// <summary>A value of a snapshot, and whether it opened.</summary>
internal sealed record DecryptRow(string Key, Storage Storage, int Layers)
{
    internal bool Opens => Layers > 0;
}

/// <summary>The answer of a drill: which values of a snapshot open. docs/rewrap.md describes its JSON.</summary>
internal sealed record DecryptList(EtcdSnapshot Snapshot, string Prefix, IReadOnlyList<DecryptRow> Rows, bool AllowEmpty)
{
    /// <summary>True when there are values and every one opens: a drill on nothing shows nothing.</summary>
    internal bool Ok => (Rows.Count > 0 || AllowEmpty) && Rows.All(row => row.Opens);

    internal static DecryptList Of(EtcdSnapshot snapshot, string prefix, IReadOnlyList<byte[]> keks, string cluster, IReadOnlyList<string> providers, bool allowEmpty) => new(
        snapshot,
        prefix,
        [
            .. snapshot.Values.Select(value => new DecryptRow(
                value.Key,
                StorageClassifier.Classify(value.Value),
                OfflineStoredValue.Open(keks, cluster, providers, Encoding.UTF8.GetBytes(value.Key), value.Value)?.Layers ?? 0)),
        ],
        allowEmpty);

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

        string checkedBy = Snapshot.Saved ? "checksum and pages are right" : "pages are right; IT HAS NO CHECKSUM, as a copy of a database file has none";
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"cloister: looked at {Rows.Count} keys under {CliOutput.Shown(Prefix)} of a snapshot at revision {Snapshot.Revision}: {checkedBy}"));
        if (Rows.Count == 0 && !AllowEmpty)
        {
            Console.Error.WriteLine($"cloister: no keys under {CliOutput.Shown(Prefix)}, which shows nothing: check the snapshot and --prefix, or say --allow-empty");
        }
    }

    private IEnumerable<(Storage Storage, long Keys, long Open, long Twice)> Counts => Rows
        .GroupBy(row => row.Storage)
        .Select(group => (group.Key, (long)group.Count(), (long)group.Count(row => row.Opens), (long)group.Count(row => row.Layers > 1)))
        .OrderBy(entry => entry.Key.Kind)
        .ThenBy(entry => entry.Key.ToString(), StringComparer.Ordinal);

    private JsonObject ToJson() => new()
    {
        ["ok"] = Ok,
        ["prefix"] = Prefix,
        ["snapshot"] = new JsonObject
        {
            ["checksum"] = Snapshot.Saved ? "right" : "none",
            ["pages"] = Snapshot.Pages,
            ["pagesInUse"] = Snapshot.PagesInUse,
            ["revisions"] = Snapshot.Revisions,
            ["revision"] = Snapshot.Revision,
            ["consistentIndex"] = Snapshot.ConsistentIndex,
        },
        ["counts"] = new JsonArray([.. Counts.Select(entry => (JsonNode)new JsonObject
        {
            ["kind"] = entry.Storage.Kind.Name(),
            ["provider"] = entry.Storage.Provider,
            ["keyId"] = entry.Storage.KeyId,
            ["keys"] = entry.Keys,
            ["open"] = entry.Open,
            ["encryptedTwice"] = entry.Twice,
        })]),
        ["keys"] = new JsonArray([.. Rows.Select(row => (JsonNode)new JsonObject
        {
            ["key"] = row.Key,
            ["kind"] = row.Storage.Kind.Name(),
            ["provider"] = row.Storage.Provider,
            ["keyId"] = row.Storage.KeyId,
            ["opens"] = row.Opens,
            ["layers"] = row.Layers,
        })]),
    };

    private void PrintTables()
    {
        CliOutput.Table(
            ["key", "stored", "key_id", "opens"],
            Rows.Select(row => (IReadOnlyList<string>)
                [CliOutput.Shown(row.Key), row.Storage.Kind.Name(), CliOutput.Shown(row.Storage.KeyId), row.Opens ? row.Layers > 1 ? "yes, encrypted twice" : "yes" : "NO"]));
        CliOutput.Table(
            ["stored", "provider", "key_id", "keys", "open"],
            Counts.Select(entry => (IReadOnlyList<string>)
            [
                entry.Storage.Kind.Name(), CliOutput.Shown(entry.Storage.Provider), CliOutput.Shown(entry.Storage.KeyId),
                entry.Keys.ToString(CultureInfo.InvariantCulture), entry.Open.ToString(CultureInfo.InvariantCulture),
            ]));
    }
}
