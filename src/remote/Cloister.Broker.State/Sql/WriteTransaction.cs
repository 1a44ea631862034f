using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>A transaction that several requests share. No other writer has one meanwhile. secrets: parameters pass.</summary>
/// <param name="dialect">How entries are written.</param>
/// <param name="connection">Where.</param>
/// <param name="transaction">In what.</param>
/// <param name="clock">What time it is.</param>
/// <param name="known">What this broker knows of the log; null: nothing yet.</param>
internal sealed class WriteTransaction(Dialect dialect, DbConnection connection, DbTransaction transaction, TimeProvider clock, AuditTree? known) : IQueries
{
    private readonly List<AuditEntry> _entries = [];

    /// <summary>Milliseconds since 1970.</summary>
    public long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Changes of rows that decide; null before the first.</summary>
    public RowWrites? Rows { get; set; }

    /// <summary>The newest change of a row that decides; null while nobody asked.</summary>
    public RowHead? NewestChange { get; set; }

    /// <summary>The log with what was appended here; null while nobody asked. Counts when the transaction is committed.</summary>
    public AuditTree? Tree { get; private set; }

    /// <summary>Hashes of entries that are written.</summary>
    public AuditHashes Hashes => new(connection, transaction);

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => connection.ExecuteAsync(sql, parameters, transaction);

    public Task<T?> FirstOrDefaultAsync<T>(string sql, object? parameters = null) =>
        connection.QueryFirstOrDefaultAsync<T>(sql, parameters, transaction);

    /// <summary>Executes statements, in one round trip where the database can; errors come with the answers.</summary>
    public Answers Execute(IReadOnlyList<Statement> statements) => dialect.Execute(connection, transaction, statements);

    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation) =>
        [.. await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellation))];

    /// <summary>The log as it is, which has to go on from what is known.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    public async Task<AuditTree> TreeAsync() => Tree ??= await Hashes.FollowAsync(known);

    /// <summary>As the other, from something else that is known.</summary>
    public async Task<AuditTree> TreeAsync(AuditTree remembered)
    {
        await FlushAsync();
        return Tree = await Hashes.FollowAsync(remembered);
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
            await dialect.InsertAuditAsync(connection, transaction, _entries);
        _entries.Clear();
    }
}
