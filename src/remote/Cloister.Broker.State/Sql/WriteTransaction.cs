using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>A transaction that several requests share. No other writer has one meanwhile. secrets: parameters pass.</summary>
internal sealed class WriteTransaction : IQueries, IAsyncDisposable
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
    public static async Task<WriteTransaction> BeginAsync(Dialect dialect, DbConnection connection, TimeProvider clock, AuditTree? known)
    {
        (DbTransaction transaction, Answers answers) = await dialect.BeginWriteAsync(connection, s_looks, CancellationToken.None);
        try
        {
            await using (answers)
            {
                RowHead? change = await answers.FirstAsync(RowLedger.HeadOf);
                AuditHash? entry = await answers.FirstAsync(AuditHashes.HashOf);
                return new WriteTransaction(dialect, connection, transaction, clock, known, change ?? RowLedger.None, entry);
            }
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => _connection.ExecuteAsync(sql, parameters, _transaction);

    public Task<T?> FirstOrDefaultAsync<T>(string sql, object? parameters = null) =>
        _connection.QueryFirstOrDefaultAsync<T>(sql, parameters, _transaction);

    /// <summary>Executes statements, in one round trip where the database can; errors come with the answers.</summary>
    public Answers Execute(IReadOnlyList<Statement> statements) => _dialect.Execute(_connection, _transaction, statements);

    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation) =>
        [.. await _connection.QueryAsync<T>(new CommandDefinition(sql, parameters, _transaction, cancellationToken: cancellation))];

    /// <summary>The log as it is, which has to go on from what is known.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    public async Task<AuditTree> TreeAsync() => Tree ??= await Hashes.FollowAsync(_known, _newestEntry);

    /// <summary>As the other, from something else that is known.</summary>
    public async Task<AuditTree> TreeAsync(AuditTree remembered)
    {
        await FlushAsync();
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
    public async Task FlushAsync()
    {
        if (_entries.Count > 0)
            await _dialect.InsertAuditAsync(_connection, _transaction, _entries);
        _entries.Clear();
    }

    /// <summary>Makes what was written durable.</summary>
    public Task CommitAsync() => _transaction.CommitAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => _transaction.DisposeAsync();
}
