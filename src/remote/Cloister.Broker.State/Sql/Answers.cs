using System.Data.Common;

namespace Cloister.Broker.State.Sql;

/// <summary>The answers to statements, in their order. Until it is disposed of, nothing else is asked on its connection. secrets: none.</summary>
internal abstract class Answers : IAsyncDisposable
{
    /// <summary>The first row of the next statement that answers.</summary>
    /// <param name="parse">Makes it of the row.</param>
    /// <returns>What was made; null when there is no row.</returns>
    public async Task<T?> FirstAsync<T>(Func<DbDataReader, T> parse)
        where T : class
    {
        DbDataReader rows = await NextAsync();
        return await rows.ReadAsync() ? parse(rows) : null;
    }

    /// <summary>The number that the next statement answers; null when it has no row.</summary>
    public async Task<long?> NumberAsync()
    {
        DbDataReader rows = await NextAsync();
        return await rows.ReadAsync() ? rows.GetInt64(0) : null;
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Goes on to the next statement that answers.</summary>
    protected abstract Task<DbDataReader> NextAsync();
}

/// <summary>Of statements that are executed one by one.</summary>
internal sealed class SingleAnswers(DbConnection connection, DbTransaction transaction, IReadOnlyList<Statement> statements) : Answers
{
    private int _next;
    private DbCommand? _command;
    private DbDataReader? _rows;

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await SkipAsync();
    }

    protected override async Task<DbDataReader> NextAsync()
    {
        await CloseAsync();
        await SkipAsync();
        _command = CommandOf(statements[_next++]);
        return _rows = await _command.ExecuteReaderAsync();
    }

    // Those that nobody waits for.
    private async Task SkipAsync()
    {
        for (; _next < statements.Count && !statements[_next].HasAnswer; _next++)
        {
            await using DbCommand command = CommandOf(statements[_next]);
            await command.ExecuteNonQueryAsync();
        }
    }

    private async Task CloseAsync()
    {
        if (_rows is not null)
            await _rows.DisposeAsync();
        if (_command is not null)
            await _command.DisposeAsync();
        (_rows, _command) = (null, null);
    }

    private DbCommand CommandOf(Statement statement)
    {
        DbCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = statement.Sql;
        foreach ((string name, object? value) in statement.Parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }
}

/// <summary>Of statements that went together.</summary>
internal sealed class BatchAnswers(DbBatch batch) : Answers
{
    private DbDataReader? _rows;

    public override async ValueTask DisposeAsync()
    {
        if (_rows is not null)
            await _rows.DisposeAsync(); // executes what is left, and throws what it finds
        await batch.DisposeAsync();
    }

    protected override async Task<DbDataReader> NextAsync()
    {
        if (_rows is null)
            _rows = await batch.ExecuteReaderAsync();
        else if (!await _rows.NextResultAsync())
            throw new InvalidOperationException("a statement did not answer");
        return _rows;
    }
}
