using System.Data.Common;

namespace Cloister.Broker.State.Sql;

/// <summary>The answers to statements, in their order. Until it is disposed of, nothing else is asked on its connection. secrets: none.</summary>
internal abstract class Answers : IDisposable
{
    /// <summary>The first row of the next statement that answers.</summary>
    /// <param name="parse">Makes it of the row.</param>
    /// <returns>What was made; null when there is no row.</returns>
    public T? First<T>(Func<DbDataReader, T> parse)
        where T : class
    {
        DbDataReader rows = Next();
        return rows.Read() ? parse(rows) : null;
    }

    /// <summary>The number that the next statement answers; null when it has no row.</summary>
    public long? Number()
    {
        DbDataReader rows = Next();
        return rows.Read() ? rows.GetInt64(0) : null;
    }

    public abstract void Dispose();

    /// <summary>Goes on to the next statement that answers.</summary>
    protected abstract DbDataReader Next();
}

/// <summary>Of statements that are executed one by one.</summary>
internal sealed class SingleAnswers(DbConnection connection, DbTransaction transaction, IReadOnlyList<Statement> statements) : Answers
{
    private int _next;
    private DbCommand? _command;
    private DbDataReader? _rows;

    public override void Dispose()
    {
        Close();
        Skip();
    }

    protected override DbDataReader Next()
    {
        Close();
        Skip();
        _command = CommandOf(statements[_next++]);
        return _rows = _command.ExecuteReader();
    }

    // Those that nobody waits for.
    private void Skip()
    {
        for (; _next < statements.Count && !statements[_next].HasAnswer; _next++)
        {
            using DbCommand command = CommandOf(statements[_next]);
            command.ExecuteNonQuery();
        }
    }

    private void Close()
    {
        _rows?.Dispose();
        _command?.Dispose();
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

    public override void Dispose()
    {
        _rows?.Dispose(); // executes what is left
        batch.Dispose();
    }

    protected override DbDataReader Next()
    {
        if (_rows is null)
            _rows = batch.ExecuteReader();
        else if (!_rows.NextResult())
            throw new InvalidOperationException("a statement did not answer");
        return _rows;
    }
}
