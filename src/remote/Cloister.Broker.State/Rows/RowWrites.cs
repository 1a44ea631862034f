using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State.Rows;

/// <summary>
/// Changes of rows that decide, in a transaction. What is changed is verified first, and the digest is of what was in memory, not of what the database
/// has made of it. No other writer changes anything meanwhile.
/// </summary>
/// <param name="writes">The transaction.</param>
/// <param name="key">The database's key.</param>
/// <param name="ledger">What rows have to be before; null: a chain is begun.</param>
/// <param name="head">The newest change before.</param>
internal sealed class RowWrites(WriteTransaction writes, RowKey key, RowLedger? ledger, RowHead head)
{
    private readonly Dictionary<RowName, byte[]> _changed = [];
    private RowHead _head = head;

    /// <summary>What a row has to be now; null: there must be none.</summary>
    public byte[]? DigestOf(RowName name) => _changed.TryGetValue(name, out byte[]? digest) ? digest.Length == 0 ? null : digest : ledger?.DigestOf(name);

    /// <summary>Refuses to change what is not authentic.</summary>
    /// <param name="name">The row.</param>
    /// <param name="digest">Of what the database has; null: nothing.</param>
    /// <exception cref="BrokerStateException">Not authentic.</exception>
    public void Require(RowName name, byte[]? digest)
    {
        if (RowLedger.Problem(DigestOf(name), digest) is { } problem)
            throw ledger!.NotAuthentic($"{name}, {problem}");
    }

    /// <summary>Says what a row is from now on.</summary>
    public Task SetAsync(RowName name, byte[] digest) => ChangeAsync(name, digest);

    /// <summary>Says that a row is not there any more.</summary>
    public Task RemoveAsync(RowName name) => ChangeAsync(name, []);

    private async Task ChangeAsync(RowName name, byte[] digest)
    {
        RowChange change = RowChange.After(_head, name, digest, key);
        await writes.ExecuteAsync($"INSERT INTO RowChanges ({RowChange.Columns}) VALUES (@Seq, @KeyVersion, @TableName, @RowId, @Digest, @Mac)", change);
        writes.NewestChange = _head = new RowHead(change.Seq, change.Mac);
        _changed[name] = digest;
    }
}
