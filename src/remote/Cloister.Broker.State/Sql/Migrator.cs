using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>Brings a database to the version of this program: numbered scripts, forward only, all in one transaction that shuts other brokers out.</summary>
internal static class Migrator
{
    private static readonly Assembly Here = typeof(Migrator).Assembly;

    private static readonly (int Version, string Resource)[] Scripts = [.. Here.GetManifestResourceNames()
        .Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
        .Select(name => (int.Parse(name.AsSpan(0, 3), CultureInfo.InvariantCulture), name))
        .OrderBy(script => script.Item1)];

    /// <summary>The version of this program.</summary>
    public static int Latest => Scripts[^1].Version;

    /// <summary>Migrates up to a version.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NewerSchema"/>: the database is ahead of this program.</exception>
    public static async Task MigrateAsync(Dialect dialect, int target, CancellationToken cancellation)
    {
        await using DbConnection connection = await dialect.ConnectAsync(cancellation);
        (DbTransaction begun, Answers none) = dialect.BeginWrite(connection, []);
        await using DbTransaction transaction = begun;
        none.Dispose();
        await connection.ExecuteAsync("CREATE TABLE IF NOT EXISTS SchemaVersions (Version BIGINT PRIMARY KEY)", transaction: transaction);
        long present = await connection.ExecuteScalarAsync<long?>("SELECT MAX(Version) FROM SchemaVersions", transaction: transaction) ?? 0;
        if (present > Latest)
        {
            throw new BrokerStateException(
                BrokerStateError.NewerSchema, $"the database has schema version {present}, made by a newer broker; this one knows versions up to {Latest}");
        }
        foreach ((int version, string resource) in Scripts.Where(script => script.Version > present && script.Version <= target))
        {
            await connection.ExecuteAsync(Read(resource).Replace("{bytes}", dialect.BytesType, StringComparison.Ordinal), transaction: transaction);
            await connection.ExecuteAsync("INSERT INTO SchemaVersions (Version) VALUES (@version)", new { version = (long)version }, transaction);
        }
        await transaction.CommitAsync(cancellation);
    }

    private static string Read(string resource)
    {
        using var reader = new StreamReader(Here.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
