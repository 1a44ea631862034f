namespace Cloister.Enclave.Gateway;

/// <summary>
/// What one operation asked of etcd, as far as its answer is compared with it. Source: etcd, rpc.proto. Immutable. secrets: none; no value is kept.
/// </summary>
internal sealed class AskedOperation
{
    private static readonly List<AskedOperation> None = [];

    /// <summary>Which request it is: of a range, a put, a deletion or a transaction.</summary>
    internal required EtcdMessage Kind { get; init; }

    /// <summary>Its keys; a transaction has none of its own.</summary>
    internal KeyRange Keys { get; init; } = new([], []);

    /// <summary>The most pairs, 0 for no limit.</summary>
    internal long Limit { get; init; }

    /// <summary>1: keys ascend. -1: they descend. 0: another order.</summary>
    internal int Order { get; init; }

    /// <summary>Neither values nor, for a count, pairs are answered.</summary>
    internal bool KeysOnly { get; init; }

    /// <summary>Only how many there are.</summary>
    internal bool CountOnly { get; init; }

    /// <summary>The newest mod_revision that a pair may have.</summary>
    internal long NewestMod { get; init; } = long.MaxValue;

    /// <summary>The oldest mod_revision that a pair may have.</summary>
    internal long OldestMod { get; init; }

    /// <summary>The pairs that were replaced or deleted are answered.</summary>
    internal bool PreviousPairs { get; init; }

    /// <summary>Operations of a transaction whose comparisons hold.</summary>
    internal List<AskedOperation> Success { get; init; } = None;

    /// <summary>Operations of a transaction whose comparisons do not.</summary>
    internal List<AskedOperation> Failure { get; init; } = None;
}
