namespace Cloister.Cli.Etcd;

/// <summary>Counts of one namespace.</summary>
internal sealed class NamespaceCoverage
{
    private readonly SortedDictionary<StorageKind, long> _kinds = [];

    internal long Keys { get; private set; }

    internal long Encrypted { get; private set; }

    internal long Stale { get; private set; }

    internal long Undecryptable { get; private set; }

    internal long Offending { get; private set; }

    /// <summary>Keys by kind, those that are there.</summary>
    internal IReadOnlyDictionary<StorageKind, long> Kinds => _kinds;

    internal void Add(StoredCount stored)
    {
        StorageKind kind = stored.Storage.Kind;
        Keys++;
        Encrypted += kind.IsEncrypted() ? 1 : 0;
        Stale += stored.Stale == true ? 1 : 0;
        Undecryptable += stored.Opens == false ? 1 : 0;
        Offending += stored.Holds ? 0 : 1;
        _kinds[kind] = _kinds.GetValueOrDefault(kind) + 1;
    }
}
