using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>
/// A transaction that several requests share. No other writer has one meanwhile, so none of them waits for anything but the database: what is asked of it
/// here is answered when the call returns. secrets: parameters pass.
/// </summary>
internal sealed class WriteTransaction : IQueries, IDisposable
{
    private static readonly Statement[] s_looks = [new(RowLedger.SelectNewest, true), new(AuditHashes.SelectNewest, true)];

    private readonly Dialect _dialect;
    private readonly DbConnection _connection;
    private readonly DbTransaction _transaction;
    private readonly TimeProvider _clock;
    private readonly AuditTree? _known;
    private readonly AuditHash? _newestEntry;
    private readonly List<AuditEntry> _entries = [];

    private WriteTransaction(Dialect dialect, DbConnection connection, DbTransaction transaction, TimeProvider clock, AuditTree? known, RowHead newestChange, AuditHash? newestEntry)
    {
        _dialect = dialect;
        _connection = connection;
        _transaction = transaction;
        _clock = clock;
        _known = known;
        _newestEntry = newestEntry;
        NewestChange = newestChange;
    }

    /// <summary>Milliseconds since 1970.</summary>
    public long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Changes of rows that decide; null before the first.</summary>
    public RowWrites? Rows { get; set; }

    /// <summary>The newest change of a row that decides.</summary>
    public RowHead NewestChange { get; set; }

    /// <summary>The log with what was appended here; null while nobody asked. Counts when the transaction is committed.</summary>
    public AuditTree? Tree { get; private set; }

    /// <summary>Hashes of entries that are written.</summary>
    public AuditHashes Hashes => new(_connection, _transaction);

    /// <summary>Begins one when no other writer has one.</summary>
    /// <param name="dialect">What database it is.</param>
    /// <param name="connection">Where; nothing else is asked on it meanwhile.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="known">What this broker knows of the log; null: nothing yet.</param>
    public static WriteTransaction Begin(Dialect dialect, DbConnection connection, TimeProvider clock, AuditTree? known)
    {
        (DbTransaction transaction, Answers answers) = dialect.BeginWrite(connection, s_looks);
        try
        {
            using (answers)
            {
                RowHead? change = answers.First(RowLedger.HeadOf);
                AuditHash? entry = answers.First(AuditHashes.HashOf);
                return new WriteTransaction(dialect, connection, transaction, clock, known, change ?? RowLedger.None, entry);
            }
        }
        catch
        {
            transaction.Dispose();
            throw;
        }
    }

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => Task.FromResult(_connection.Execute(sql, parameters, _transaction));

    public Task<T?> FirstOrDefaultAsync<T>(string sql, object? parameters = null) =>
        Task.FromResult(_connection.QueryFirstOrDefault<T>(sql, parameters, _transaction));

    /// <summary>Executes statements, in one round trip where the database can; errors come with the answers.</summary>
    public Answers Execute(IReadOnlyList<Statement> statements) => _dialect.Execute(_connection, _transaction, statements);

    public Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<T>>([.. _connection.Query<T>(sql, parameters, _transaction)]);

    /// <summary>The log as it is, which has to go on from what is known.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    public async Task<AuditTree> TreeAsync() => Tree ??= await Hashes.FollowAsync(_known, _newestEntry);

    /// <summary>As the other, from something else that is known.</summary>
    public async Task<AuditTree> TreeAsync(AuditTree remembered)
    {
        Flush();
        return Tree = await Hashes.FollowAsync(remembered, null);
    }

    /// <summary>Appends an entry, which is written when the transaction is flushed.</summary>
    public async Task<AuditEntry> AppendAsync(AuditText text)
    {
        AuditTree tree = await TreeAsync();
        long seq = tree.Size + 1, now = Now;
        var next = new AuditEntry(seq, now, text.Kind, text.Details, tree.Last, AuditEncoding.Hash(seq, now, text.Kind, text.Details, tree.Last));
        _entries.Add(next);
        tree.Append(next.Hash);
        return next;
    }

    /// <summary>Writes the entries.</summary>
    public void Flush()
    {
        if (_entries.Count > 0)
            _dialect.InsertAudit(_connection, _transaction, _entries);
        _entries.Clear();
    }

    /// <summary>Writes the entries that are not yet, and makes everything durable.</summary>
    /// <param name="open">Called when a failure that follows leaves it open whether the transaction was made.</param>
    public void Commit(Action open) => _dialect.Commit(_connection, _transaction, _entries, open);

    public void Dispose() => _transaction.Dispose();
}
