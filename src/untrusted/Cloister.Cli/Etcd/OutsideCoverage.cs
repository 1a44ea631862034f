using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;
using Cloister.Cli.Etcd.Scan;

namespace Cloister.Cli.Etcd;

/// <summary>What lies outside the prefix of a coverage: values of other kinds that are encrypted, and Secrets in clear where nobody looked.</summary>
internal sealed class OutsideCoverage
{
    private const int MostKeys = 20;

    private readonly Dictionary<(string Under, Storage Storage), long> _encrypted = [];
    private readonly List<string> _inClear = [];
    private readonly List<string> _undecryptable = [];

    internal long Keys { get; private set; }

    /// <summary>Secrets of an API server, in clear.</summary>
    internal long SecretsInClear { get; private set; }

    /// <summary>Values of the enclave's provider that it could not open, or that are encrypted twice.</summary>
    internal long Undecryptable { get; private set; }

    internal bool Ok => SecretsInClear == 0 && Undecryptable == 0;

    internal void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, CheckedValue check)
    {
        Keys++;
        Storage storage = StorageClassifier.Classify(value);
        if (storage.Kind.IsEncrypted())
        {
            (string, Storage) place = (KekPlace.UnderOf(Encoding.UTF8.GetString(key)), storage);
            _encrypted[place] = _encrypted.GetValueOrDefault(place) + 1;
        }
        else if (SecretInClear.Is(value))
        {
            SecretsInClear++;
            Note(_inClear, key);
        }

        if (check.Opens == false || check.Inner.Length > 0)
        {
            Undecryptable++;
            Note(_undecryptable, key);
        }
    }

    internal JsonObject ToJson() => new()
    {
        ["keys"] = Keys,
        ["secretsInClear"] = SecretsInClear,
        ["undecryptable"] = Undecryptable,
        ["encrypted"] = new JsonArray([.. Ordered.Select(entry => (JsonNode)new JsonObject
        {
            ["under"] = entry.Key.Under,
            ["kind"] = entry.Key.Storage.Kind.Name(),
            ["provider"] = entry.Key.Storage.Provider,
            ["keyId"] = entry.Key.Storage.KeyId.Length == 0 ? null : entry.Key.Storage.KeyId,
            ["keys"] = entry.Value,
        })]),
        ["offenders"] = new JsonArray([.. _inClear.Concat(_undecryptable).Select(key => (JsonNode)key)]),
    };

    internal void Print()
    {
        if (_encrypted.Count > 0)
        {
            CliOutput.Table(
                ["encrypted outside the prefix", "stored", "provider or key", "key_id", "keys"],
                Ordered.Select(entry => (IReadOnlyList<string>)
                [
                    CliOutput.Shown(entry.Key.Under), entry.Key.Storage.Kind.Name(), CliOutput.Shown(entry.Key.Storage.Provider), CliOutput.Shown(entry.Key.Storage.KeyId),
                    entry.Value.ToString(CultureInfo.InvariantCulture),
                ]));
        }

        if (!Ok)
        {
            CliOutput.Table(
                ["offending key outside the prefix", ""],
                [
                    .. _inClear.Select(key => (IReadOnlyList<string>)[CliOutput.Shown(key), "a Secret in clear"]),
                    .. _undecryptable.Select(key => (IReadOnlyList<string>)[CliOutput.Shown(key), "does not open, or is encrypted twice"]),
                ]);
        }
    }

    private IEnumerable<KeyValuePair<(string Under, Storage Storage), long>> Ordered => _encrypted
        .OrderBy(entry => entry.Key.Under, StringComparer.Ordinal)
        .ThenBy(entry => entry.Key.Storage.ToString(), StringComparer.Ordinal);

    private static void Note(List<string> keys, ReadOnlySpan<byte> key)
    {
        if (keys.Count < MostKeys)
        {
            keys.Add(Encoding.UTF8.GetString(key));
        }
    }
}
