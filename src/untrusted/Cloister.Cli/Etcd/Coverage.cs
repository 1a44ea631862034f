using System.Text;

namespace Cloister.Cli.Etcd;

/// <summary>
/// Counts how values are stored. Values are looked at and dropped: what grows is one entry per kind of storage and per namespace,
/// and at most so many names of offending keys as are asked for.
/// </summary>
internal sealed class Coverage
{
    private readonly int _maxOffenders;
    private readonly Dictionary<StoredCount, long> _stored = [];
    private readonly SortedDictionary<string, NamespaceCoverage> _namespaces = new(StringComparer.Ordinal);
    private readonly List<Offender> _offenders = [];

    internal Coverage(CoverageRules rules, int maxOffenders)
    {
        Rules = rules;
        _maxOffenders = maxOffenders;
    }

    internal CoverageRules Rules { get; }

    internal long Keys { get; private set; }

    internal long Offending { get; private set; }

    internal long Stale { get; private set; }

    /// <summary>Values of the enclave's provider that it could not open.</summary>
    internal long Undecryptable { get; private set; }

    /// <summary>Values that opened, and are encrypted once more inside: nobody reads them as they are.</summary>
    internal long EncryptedTwice { get; private set; }

    /// <summary>Encrypted values that it was not asked for, or that are of another provider: it cannot tell.</summary>
    internal long Unverified { get; private set; }

    /// <summary>The first offending keys, in the order of etcd.</summary>
    internal IReadOnlyList<Offender> Offenders => _offenders;

    internal IReadOnlyDictionary<string, NamespaceCoverage> Namespaces => _namespaces;

    /// <summary>Counts by storage, in a fixed order.</summary>
    internal IEnumerable<KeyValuePair<StoredCount, long>> Stored => _stored
        .OrderBy(entry => entry.Key.Storage.Kind)
        .ThenBy(entry => entry.Key.Storage.Provider, StringComparer.Ordinal)
        .ThenBy(entry => entry.Key.Storage.KeyId, StringComparer.Ordinal)
        .ThenBy(entry => entry.Key.Storage.Kek, StringComparer.Ordinal)
        .ThenBy(entry => entry.Key.Stale)
        .ThenBy(entry => entry.Key.Opens);

    /// <param name="key">The etcd key.</param>
    /// <param name="value">What is stored.</param>
    /// <param name="check">What the enclave says of it.</param>
    internal void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, CheckedValue check)
    {
        Storage storage = StorageClassifier.Classify(value);
        bool? opens = check.Opens;
        bool holds = opens != false && check.Inner.Length == 0 && Rules.Holds(storage, key);
        StoredCount stored = new(storage, Rules.IsStale(storage, key), holds, opens);
        string name = Encoding.UTF8.GetString(key);
        string ns = NamespaceOf(name);
        if (!_namespaces.TryGetValue(ns, out NamespaceCoverage? counts))
        {
            _namespaces.Add(ns, counts = new NamespaceCoverage());
        }

        counts.Add(stored);
        _stored[stored] = _stored.GetValueOrDefault(stored) + 1;
        Keys++;
        Stale += stored.Stale == true ? 1 : 0;
        Undecryptable += opens == false ? 1 : 0;
        EncryptedTwice += check.Inner.Length > 0 ? 1 : 0;
        Unverified += opens is null && storage.Kind.IsEncrypted() ? 1 : 0;
        if (!stored.Holds)
        {
            Offending++;
            if (_offenders.Count < _maxOffenders)
            {
                _offenders.Add(new Offender(name, storage, opens, check.Inner));
            }
        }
    }

    /// <summary>The namespace in <c>/registry/RESOURCE/NAMESPACE/NAME</c>; empty when the key has none.</summary>
    internal static string NamespaceOf(string key)
    {
        string[] parts = key.Split('/');
        return parts.Length >= 5 ? parts[^2] : "";
    }
}
