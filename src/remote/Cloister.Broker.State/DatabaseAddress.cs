using System.Data.Common;

namespace Cloister.Broker.State;

/// <summary>
/// Where a broker's database is: <c>sqlite:/path/broker.db</c>, or <c>postgres:</c> and an Npgsql connection string.
/// secrets: a connection string may hold a password; <see cref="ToString"/> shows none.
/// </summary>
public sealed class DatabaseAddress
{
    private const string SqlitePrefix = "sqlite:";
    private const string PostgresPrefix = "postgres:";

    private DatabaseAddress(bool isSqlite, string target)
    {
        IsSqlite = isSqlite;
        Target = target;
    }

    /// <summary>Whether it is a SQLite file, else PostgreSQL.</summary>
    public bool IsSqlite { get; }

    /// <summary>The file's path; null: it is no file.</summary>
    public string? File => IsSqlite ? Target : null;

    /// <summary>The file's path, or the connection string. secrets: as above.</summary>
    internal string Target { get; }

    /// <summary>Reads an address.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.BadAddress"/>.</exception>
    public static DatabaseAddress Parse(string text)
    {
        if (text.StartsWith(SqlitePrefix, StringComparison.Ordinal))
        {
            string path = text[SqlitePrefix.Length..];
            if (!Path.IsPathFullyQualified(path) || path.EndsWith('/'))
                throw Bad("the path of a SQLite database must be absolute");
            return new DatabaseAddress(true, path);
        }
        if (!text.StartsWith(PostgresPrefix, StringComparison.Ordinal))
            throw Bad("a database address begins with sqlite: or postgres:");
        string connection = text[PostgresPrefix.Length..];
        try
        {
            if (new DbConnectionStringBuilder { ConnectionString = connection }.Count == 0)
                throw Bad("the connection string is empty");
        }
        catch (ArgumentException)
        {
            throw Bad("the connection string cannot be read"); // the cause may quote it, password and all
        }
        return new DatabaseAddress(false, connection);
    }

    /// <summary>The kind, and the path of a file; no connection string.</summary>
    public override string ToString() => IsSqlite ? SqlitePrefix + Target : PostgresPrefix + "...";

    private static BrokerStateException Bad(string message) => new(BrokerStateError.BadAddress, message);
}
