using System.Data.Common;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State.Tests;

/// <summary>The contract on a PostgreSQL server.</summary>
public sealed class PostgresStateTests(PostgresServer server) : StateContract
{
    [Fact]
    public async Task A_connection_that_the_server_ended_costs_no_write()
    {
        string address = await CreateDatabaseAsync();
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(address), TimeProvider.System, Stop);
        await using Dialect dialect = Dialect.For(DatabaseAddress.Parse(address));
        await using DbConnection connection = await dialect.ConnectAsync(Stop);
        for (long seq = 1; seq <= 3; seq++)
        {
            Assert.Equal(seq, (await state.AppendAsync(new AuditEvent("kept", []), Stop)).Seq);
            Assert.NotEmpty(await connection.QueryAsync<bool>("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"));
        }
    }

    [Theory]
    [InlineData("", 64)]
    [InlineData(";Max Auto Prepare=0", 0)]
    [InlineData(";maxautoprepare=5", 5)]
    public async Task What_is_said_again_is_prepared_unless_the_address_says_otherwise(string addition, int most)
    {
        await using PostgresDialect dialect = new((await CreateDatabaseAsync())["postgres:".Length..] + addition);
        await using DbConnection connection = await dialect.ConnectAsync(Stop);
        for (int i = 0; i < 10; i++)
            Assert.Equal(i, await connection.ExecuteScalarAsync<int>("SELECT @i", new { i }));
        Assert.Equal(most == 0 ? 0 : 1, await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1'"));
    }

    // So a configuration that everybody may read holds none.
    [Fact]
    public async Task The_password_may_be_in_a_file_of_its_own()
    {
        string address = await CreateDatabaseAsync();
        await using Dialect owner = Dialect.For(DatabaseAddress.Parse(address));
        await using DbConnection connection = await owner.ConnectAsync(Stop);
        await connection.ExecuteAsync($"CREATE ROLE {PostgresServer.UserWithPassword} LOGIN PASSWORD 'of mine'; GRANT ALL ON SCHEMA public TO {PostgresServer.UserWithPassword}");
        string file = Path.GetTempFileName();
        try
        {
            address = $"{address.Replace("Username=cloister", $"Username={PostgresServer.UserWithPassword}", StringComparison.Ordinal)};Passfile={file}";
            await File.WriteAllTextAsync(file, $"*:*:*:{PostgresServer.UserWithPassword}:another\n", Stop);
            await using (Dialect refused = Dialect.For(DatabaseAddress.Parse(address)))
            {
                await Assert.ThrowsAnyAsync<DbException>(() => refused.ConnectAsync(Stop));
            }

            await File.WriteAllTextAsync(file, $"*:*:*:{PostgresServer.UserWithPassword}:of mine\n", Stop);
            await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(address), TimeProvider.System, Stop);
            Assert.Equal(1, (await state.AppendAsync(new AuditEvent("kept", []), Stop)).Seq);
        }
        finally
        {
            File.Delete(file);
        }
    }

    protected override Task<string> CreateDatabaseAsync() => server.CreateDatabaseAsync();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;
}
