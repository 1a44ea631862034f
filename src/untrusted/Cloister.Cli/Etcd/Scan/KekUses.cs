using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>Where values stand that name a KEK.</summary>
/// <param name="Under">The beginning of their keys, <c>/registry/secrets</c>.</param>
/// <param name="Kind">How they are stored.</param>
/// <param name="Provider">The provider in their prefix, or empty.</param>
/// <param name="Inner">Whether it is named by what the enclave found inside: they are encrypted twice.</param>
internal sealed record KekPlace(string Under, StorageKind Kind, string Provider, bool Inner)
{
    public override string ToString() =>
        $"{Under}, {Kind.Name()}{(Provider.Length > 0 ? $" of provider {Provider}" : "")}{(Inner ? ", inside another envelope" : "")}";

    /// <summary>The beginning of a key that names its kind of resource: its first two parts.</summary>
    internal static string UnderOf(string key)
    {
        int second = key.IndexOf('/', Math.Min(1, key.Length));
        int third = second < 0 ? -1 : key.IndexOf('/', second + 1);
        return third < 0 ? second < 0 ? key : key[..second] : key[..third];
    }
}

/// <summary>The values that name one KEK.</summary>
internal sealed class KekUse
{
    private const int MostKeys = 20;

    private readonly Dictionary<KekPlace, long> _places = [];
    private readonly List<string> _keys = [];

    /// <summary>Values as they are now.</summary>
    internal long Values { get; private set; }

    /// <summary>Values that were overwritten or deleted, and were not compacted yet.</summary>
    internal long History { get; private set; }

    /// <summary>The newest revision in which such a value was written.</summary>
    internal long NewestRevision { get; private set; }

    /// <summary>The first keys of values as they are now.</summary>
    internal IReadOnlyList<string> Keys => _keys;

    /// <summary>Values as they are now by place, the most first.</summary>
    internal IEnumerable<KeyValuePair<KekPlace, long>> Places => _places.OrderByDescending(place => place.Value).ThenBy(place => place.Key.ToString(), StringComparer.Ordinal);

    internal void Add(string key, KekPlace place, long revision)
    {
        Values++;
        NewestRevision = Math.Max(NewestRevision, revision);
        _places[place] = _places.GetValueOrDefault(place) + 1;
        if (_keys.Count < MostKeys)
        {
            _keys.Add(key);
        }
    }

    internal void AddHistory() => History++;
}

/// <summary>Which KEKs the values of etcd name. Grows with KEKs and places, not with values. secrets: none kept.</summary>
internal sealed class KekUses
{
    private static readonly KekUse None = new();

    private readonly SortedDictionary<string, KekUse> _byKeyId = new(StringComparer.Ordinal);
    private readonly HashSet<string> _found = [];

    /// <summary>Keys that were looked at.</summary>
    internal long Keys { get; private set; }

    /// <summary>Overwritten and deleted values that were looked at.</summary>
    internal long HistoryValues { get; private set; }

    internal IReadOnlyDictionary<string, KekUse> ByKeyId => _byKeyId;

    /// <summary>The values that name a KEK.</summary>
    internal KekUse Of(string keyId) => _byKeyId.GetValueOrDefault(keyId, None);

    /// <param name="key">The etcd key.</param>
    /// <param name="value">What is stored.</param>
    /// <param name="revision">In which it was written.</param>
    /// <param name="innerKeyId">The KEK that the enclave found inside; null or empty for none.</param>
    internal void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long revision, string? innerKeyId)
    {
        Keys++;
        _found.Clear();
        EdekFinder.Find(value, _found);
        if (_found.Count == 0 && innerKeyId is not { Length: > 0 })
        {
            return;
        }

        string name = Encoding.UTF8.GetString(key);
        Storage storage = StorageClassifier.Classify(value);
        KekPlace place = new(KekPlace.UnderOf(name), storage.Kind, storage.Provider, Inner: false);
        foreach (string keyId in _found)
        {
            Use(keyId).Add(name, place, revision);
        }

        if (innerKeyId is { Length: > 0 } && !_found.Contains(innerKeyId))
        {
            Use(innerKeyId).Add(name, place with { Inner = true }, revision);
        }
    }

    internal void AddHistory(ReadOnlySpan<byte> value)
    {
        HistoryValues++;
        _found.Clear();
        EdekFinder.Find(value, _found);
        foreach (string keyId in _found)
        {
            Use(keyId).AddHistory();
        }
    }

    internal JsonArray ToJson(KekNames? names = null) => new([.. _byKeyId.Select(use => (JsonNode)new JsonObject
    {
        ["keyId"] = use.Key,
        ["kekName"] = names?.Find(use.Key)?.Name,
        ["kekVersion"] = names?.Find(use.Key)?.Version,
        ["values"] = use.Value.Values,
        ["history"] = use.Value.History,
        ["newestRevision"] = use.Value.NewestRevision,
        ["places"] = new JsonArray([.. use.Value.Places.Select(place => (JsonNode)new JsonObject
        {
            ["under"] = place.Key.Under,
            ["kind"] = place.Key.Kind.Name(),
            ["provider"] = place.Key.Provider.Length == 0 ? null : place.Key.Provider,
            ["inner"] = place.Key.Inner,
            ["values"] = place.Value,
        })]),
        ["keys"] = new JsonArray([.. use.Value.Keys.Select(key => (JsonNode)key)]),
    })]);

    /// <summary>Rows for a table: key_id, values, history, where.</summary>
    internal IEnumerable<IReadOnlyList<string>> Rows(KekNames? names = null) => _byKeyId.Select(use => (IReadOnlyList<string>)
    [
        use.Key, names?.Find(use.Key)?.ToString() ?? "", use.Value.Values.ToString(CultureInfo.InvariantCulture), use.Value.History.ToString(CultureInfo.InvariantCulture),
        Output.CliOutput.Shown(string.Join("; ", use.Value.Places.Select(place => string.Create(CultureInfo.InvariantCulture, $"{place.Key}: {place.Value}")))),
    ]);

    private KekUse Use(string keyId)
    {
        if (!_byKeyId.TryGetValue(keyId, out KekUse? use))
        {
            _byKeyId.Add(keyId, use = new KekUse());
        }

        return use;
    }
}
