using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State.Rows;

/// <summary>
/// What every row that decides has to be, from the chain of changes in the database, verified once and followed since; and the rows themselves, kept
/// as long as they do not change. A broker asks the database for the newest change before it uses any, so what another broker changed counts at once.
/// Thread-safe.
/// </summary>
internal sealed class RowLedger(Reads reads, RowKey key, IRowHeadStore? outside, Action<string> report) : IDisposable
{
    private const int Page = 10_000;
    private const int MostReads = 100;
    private const int MostReported = 10_000;
    private const string Missing = "was removed";

    /// <summary>Before the first change.</summary>
    public static readonly RowHead None = new(0, new byte[32]);

    /// <summary>Answers the newest change.</summary>
    public const string SelectNewest = "SELECT Seq, Mac FROM RowChanges ORDER BY Seq DESC LIMIT 1";

    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, Entry>> _tables = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _reported = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _lock = new(1);
    private readonly SharedLook<RowHead> _newest = new(() => NewestAsync(reads));
    private long _revocations;
    private RowHead _head = None;

    public RowKey Key { get; } = key;

    /// <summary>The newest change that was seen.</summary>
    public RowHead Head => Volatile.Read(ref _head);

    /// <summary>Number of the last change of a revocation that was seen.</summary>
    public long Revocations => Interlocked.Read(ref _revocations);

    /// <summary>Reads all changes, and compares with what is kept outside.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotAuthentic"/>.</exception>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        RowHead? kept = outside?.Read();
        if (kept is not null)
        {
            RowChange? same = await reads.FirstOrDefaultAsync<RowChange>($"SELECT {RowChange.Columns} FROM RowChanges WHERE Seq = @Seq", kept, cancellation);
            if (same is null || !kept.Is(same.Seq, same.Mac))
                throw WentBack(kept, await _newest.AskAsync(cancellation));
        }
        await CurrentAsync(cancellation);
        if (Head.Seq == 0)
            throw NotAuthentic("table RowChanges is empty");
    }

    /// <summary>Follows the changes until now.</summary>
    /// <returns>The newest; the same object as long as nothing changes.</returns>
    /// <exception cref="BrokerStateException">Not authentic: the chain is broken, or shorter than it was.</exception>
    public async Task<RowHead> CurrentAsync(CancellationToken cancellation)
    {
        RowHead known = Head;
        RowHead newest = await _newest.AskAsync(cancellation);
        if (known.Is(newest.Seq, newest.Mac))
            return known;
        await _lock.WaitAsync(cancellation);
        try
        {
            RowHead before = Head;
            IReadOnlyList<RowChange> page;
            do
            {
                page = await reads.ListAsync<RowChange>(
                    $"SELECT {RowChange.Columns} FROM RowChanges WHERE Seq >= @Seq ORDER BY Seq LIMIT {Page}", Head, cancellation);
                Follow(page);
            }
            while (page.Count == Page);
            if (!ReferenceEquals(before, Head))
                Keep();
            return Head;
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>What a row has to be as of the last look; null: there must be none.</summary>
    public byte[]? DigestOf(RowName name) => Find(name)?.Digest;

    /// <summary>The identities of the rows that a table has to have.</summary>
    public IReadOnlyCollection<string> Ids(string table) => _tables.TryGetValue(table, out ConcurrentDictionary<string, Entry>? rows) ? [.. rows.Keys] : [];

    /// <summary>A row, or null; from memory when it was read since its last change.</summary>
    /// <param name="name">Which.</param>
    /// <param name="read">Reads it from the database.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="asOf">The newest change by which it may be; null: that of now.</param>
    /// <exception cref="BrokerStateException">Not authentic.</exception>
    public async Task<T?> FindAsync<T>(RowName name, Func<Task<T?>> read, Func<T, byte[]> digest, CancellationToken cancellation, RowHead? asOf = null)
        where T : class
    {
        for (int i = 0; i < MostReads; i++)
        {
            RowHead head = i == 0 && IsKnown(asOf) ? asOf : await CurrentAsync(cancellation);
            Entry? entry = Find(name);
            if (entry?.Row is T known)
                return known;
            T? row = await read();
            if (Problem(entry?.Digest, row is null ? null : digest(row)) is not { } problem)
            {
                if (entry is not null)
                    entry.Row = row;
                return row;
            }

            // A change between the two looks is no fault of the row.
            if (ReferenceEquals(head, await CurrentAsync(cancellation)))
                throw NotAuthentic($"{name}, {problem}");
        }
        throw new BrokerStateException(BrokerStateError.Unavailable, $"{name}: it changes faster than it can be read");
    }

    /// <summary>The rows of a table that are what they have to be. Others are reported.</summary>
    /// <param name="table">The table.</param>
    /// <param name="read">Reads all of them, or those that <paramref name="isAsked"/>.</param>
    /// <param name="name">Identity of a row.</param>
    /// <param name="digest">Digest of a row.</param>
    /// <param name="isAsked">Whether the row of an identity must be among them.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public async Task<IReadOnlyList<T>> ListAsync<T>(
        string table, Func<Task<IReadOnlyList<T>>> read, Func<T, string> name, Func<T, byte[]> digest, Func<string, bool> isAsked, CancellationToken cancellation)
    {
        for (int i = 0; i < MostReads; i++)
        {
            RowHead head = await CurrentAsync(cancellation);
            List<T> good = [];
            Dictionary<string, string> bad = new(StringComparer.Ordinal);
            HashSet<string> seen = new(StringComparer.Ordinal);
            foreach (T row in await read())
            {
                string id = name(row);
                seen.Add(id);
                if (Problem(DigestOf(new RowName(table, id)), digest(row)) is { } problem)
                    bad[id] = problem;
                else
                    good.Add(row);
            }
            foreach (string id in Ids(table).Where(id => isAsked(id) && !seen.Contains(id)))
                bad[id] = Missing;
            if (bad.Count > 0 && !ReferenceEquals(head, await CurrentAsync(cancellation)))
                continue;
            foreach ((string id, string problem) in bad)
                NotAuthentic($"{new RowName(table, id)}, {problem}");
            return good;
        }
        throw new BrokerStateException(BrokerStateError.Unavailable, $"table {table}: it changes faster than it can be read");
    }

    /// <summary>Number of the last change of a revocation, by a change or as of now.</summary>
    public async Task<long> RevocationsAsync(RowHead? asOf, CancellationToken cancellation)
    {
        if (!IsKnown(asOf))
            await CurrentAsync(cancellation);
        return Revocations;
    }

    /// <summary>What is wrong with a row; null: nothing.</summary>
    public static string? Problem(byte[]? expected, byte[]? present) => (expected, present) switch
    {
        (null, null) => null,
        (null, _) => "was not made by a broker",
        (_, null) => Missing,
        _ => expected.AsSpan().SequenceEqual(present) ? null : "was changed, or is one of before",
    };

    /// <summary>What is thrown of a row or a chain that is not authentic, which is reported once.</summary>
    public BrokerStateException NotAuthentic(string what)
    {
        BrokerStateException exception = Broken(what);
        if (_reported.Count < MostReported && _reported.TryAdd(what, true))
            report(exception.Message);
        return exception;
    }

    /// <summary>What is thrown of a database that is not authentic.</summary>
    public static BrokerStateException Broken(string what) => new(
        BrokerStateError.NotAuthentic,
        $"the database is not as brokers left it: {what}. What depends on it is refused. Restore a backup, or look at what there is and accept it with 'cloister-broker --config FILE --accept-rows'");

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    // What is kept here is as of the newest change that was seen.
    private bool IsKnown([NotNullWhen(true)] RowHead? asOf) => asOf is not null && ReferenceEquals(asOf, Head);

    private Entry? Find(RowName name) =>
        _tables.TryGetValue(name.Table, out ConcurrentDictionary<string, Entry>? rows) && rows.TryGetValue(name.Id, out Entry? entry) ? entry : null;

    private static async Task<RowHead> NewestAsync(Reads reads) =>
        await reads.FirstOrDefaultAsync<RowChange>(SelectNewest, null, CancellationToken.None) is { } newest ? new RowHead(newest.Seq, newest.Mac) : None;

    /// <summary>Of a row that <see cref="SelectNewest"/> answers.</summary>
    public static RowHead HeadOf(DbDataReader row) => new(row.GetInt64(0), row.GetFieldValue<byte[]>(1));

    // The first is the head that is known, and must be there as it was.
    private void Follow(IReadOnlyList<RowChange> page)
    {
        RowHead head = Head;
        if (head.Seq > 0 && (page.Count == 0 || !head.Is(page[0].Seq, page[0].Mac)))
            throw WentBack(head, page.Count == 0 ? None : new RowHead(page[^1].Seq, page[^1].Mac));
        foreach (RowChange change in page.Skip(head.Seq > 0 ? 1 : 0))
        {
            if (!change.Follows(head, Key))
                throw NotAuthentic($"table RowChanges, row {change.Seq}, was changed");
            ConcurrentDictionary<string, Entry> rows = _tables.GetOrAdd(change.TableName, _ => new(StringComparer.Ordinal));
            if (change.Digest.Length == 0)
                rows.TryRemove(change.RowId, out _);
            else
                rows[change.RowId] = new Entry(change.Digest);
            if (change.TableName == RowName.Revocations)
                Interlocked.Exchange(ref _revocations, change.Seq);
            head = new RowHead(change.Seq, change.Mac);
            Volatile.Write(ref _head, head);
        }
    }

    private void Keep()
    {
        try
        {
            outside?.Write(Head);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            report($"the newest change of the database cannot be kept outside of it: {e.Message}");
        }
    }

    private BrokerStateException WentBack(RowHead seen, RowHead newest) => NotAuthentic(
        $"it went back: change {seen.Seq} was seen, and is not there any more or is another one; its newest is {newest.Seq}");

    /// <summary>What a row has to be, and the row once it was seen.</summary>
    private sealed class Entry(byte[] digest)
    {
        public byte[] Digest { get; } = digest;

        public volatile object? Row;
    }
}
