using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Rows;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>A transaction that several requests share. No other writer has one meanwhile. secrets: parameters pass.</summary>
internal sealed class WriteTransaction(DbConnection connection, DbTransaction transaction, TimeProvider clock) : IQueries
{
    private (long Seq, byte[] Hash)? _head;

    /// <summary>Milliseconds since 1970.</summary>
    public long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Changes of rows that decide; null before the first.</summary>
    public RowWrites? Rows { get; set; }

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => connection.ExecuteAsync(sql, parameters, transaction);

    public Task<T?> FirstOrDefaultAsync<T>(string sql, object? parameters = null) =>
        connection.QueryFirstOrDefaultAsync<T>(sql, parameters, transaction);

    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation) =>
        [.. await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellation))];

    /// <summary>Number and hash of the newest audit entry; 0 and zeros before the first.</summary>
    public async Task<(long Seq, byte[] Hash)> AuditHeadAsync()
    {
        if (_head is { } known)
            return known;
        AuditRow? row = await FirstOrDefaultAsync<AuditRow>($"SELECT {AuditRow.Columns} FROM AuditEntries ORDER BY Seq DESC LIMIT 1");
        _head = row is null ? (0, new byte[AuditEncoding.HashSize]) : (row.Seq, row.Hash);
        return _head.Value;
    }

    /// <summary>Says that an entry was added after the newest.</summary>
    public void AuditAppended(AuditEntry entry) => _head = (entry.Seq, entry.Hash);
}
