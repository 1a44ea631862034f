using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>Reads the hashes of the log's entries, pruned or not, and follows the tree over them. secrets: none.</summary>
internal sealed class AuditHashes(DbConnection connection, DbTransaction? transaction)
{
    /// <summary>Entries of a row of AuditPruned.</summary>
    public const int BlockSize = 256;

    private const int Page = 10_000;

    /// <summary>
    /// The tree of all entries, which has to go on from what is known of it: the last entry known has to be there as it was. Where nothing is known, from the
    /// newest checkpoint in the database.
    /// </summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    public async Task<AuditTree> FollowAsync(AuditTree? known)
    {
        AuditTree tree = known?.Clone()
            ?? (await connection.QueryFirstOrDefaultAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Size DESC LIMIT 1", transaction: transaction))?.ToTree()
            ?? AuditTree.Empty;
        return await FollowAsync(tree, long.MaxValue);
    }

    /// <summary>Goes on with a tree up to a size, or to the end.</summary>
    public async Task<AuditTree> FollowAsync(AuditTree tree, long size)
    {
        long began = tree.Size, met = tree.Size == 0 ? 0 : -1;
        await foreach ((long seq, byte[] hash) in ReadAsync(Math.Max(tree.Size, 1)))
        {
            if (seq > size)
                break;
            if (seq == began && met < 0)
            {
                if (!hash.AsSpan().SequenceEqual(tree.Last))
                    throw Conflict($"entry {seq}, or one before it, was changed");
                met = seq;
            }
            else if (met < 0 || seq != tree.Size + 1)
            {
                throw Conflict($"entry {(met < 0 ? began : tree.Size + 1)} is missing");
            }
            else
            {
                tree.Append(hash);
            }
        }

        return met >= 0 ? tree : throw Conflict($"it ends before entry {began}, which it had: it went back");
    }

    /// <summary>The hashes of the entries from a number on, in order; gaps are the reader's to see.</summary>
    public async IAsyncEnumerable<(long Seq, byte[] Hash)> ReadAsync(long from)
    {
        while (true)
        {
            List<(long Seq, byte[] Hash)> page = [.. (await connection.QueryAsync<HashRow>(
                $"SELECT Seq, Hash FROM AuditEntries WHERE Seq >= @from ORDER BY Seq LIMIT {Page}", new { from }, transaction)).Select(row => (row.Seq, row.Hash))];
            bool more = page.Count == Page;
            if (page.Count == 0 || page[0].Seq > from)
            {
                List<(long Seq, byte[] Hash)> pruned = [.. (await PrunedAsync(from)).SelectMany(block => block.Hashes.Chunk(AuditEncoding.HashSize).Select((hash, i) => (block.First + i, hash)))];
                if (pruned.Count > 0)
                    (page, more) = (pruned, true);
            }

            foreach ((long seq, byte[] hash) in page)
            {
                yield return (seq, hash);
                from = seq + 1;
            }

            if (!more)
                yield break;
        }
    }

    /// <summary>Some of the pruned entries from a number on.</summary>
    public async Task<IReadOnlyList<PrunedEntries>> PrunedAsync(long from)
    {
        IEnumerable<PrunedRow> rows = await connection.QueryAsync<PrunedRow>(
            $"SELECT First, Hashes FROM AuditPruned WHERE First > @after ORDER BY First LIMIT {Page / BlockSize}", new { after = from - BlockSize }, transaction);
        return [.. rows.Select(row => From(row, from)).Where(block => block.Hashes.Length > 0)];
    }

    private static PrunedEntries From(PrunedRow row, long from)
    {
        long skip = Math.Clamp((from - row.First) * AuditEncoding.HashSize, 0, row.Hashes.Length);
        return new PrunedEntries(Math.Max(row.First, from), row.Hashes[(int)skip..]);
    }

    private static BrokerStateException Conflict(string what) => new(
        BrokerStateError.AuditConflict,
        $"the audit log in the database does not go on from what this broker has seen of it: {what}. Nothing is written to it: see docs/audit-log.md, 'When a broker refuses the log'");

    private sealed class HashRow
    {
        public long Seq { get; set; }

        public byte[] Hash { get; set; } = [];
    }

    private sealed class PrunedRow
    {
        public long First { get; set; }

        public byte[] Hashes { get; set; } = [];
    }
}
