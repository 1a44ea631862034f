namespace Cloister.Broker.State.Tests;

/// <summary>The contract on a PostgreSQL server.</summary>
public sealed class PostgresStateTests(PostgresServer server) : StateContract
{
    protected override Task<string> CreateDatabaseAsync() => server.CreateDatabaseAsync();
}
