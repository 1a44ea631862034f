using System.Data.Common;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State.Tests;

/// <summary>The contract on a SQLite file.</summary>
public sealed class SqliteStateTests : StateContract
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("state-");
    private int _databases;

    [Fact]
    public void Only_the_owner_can_read_the_files()
    {
        Assert.Contains(_directory.GetFiles(), file => file.Name.EndsWith("-wal", StringComparison.Ordinal));
        Assert.All(_directory.GetFiles(), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode));
    }

    [Fact]
    public async Task A_file_that_cannot_be_made_is_an_error_of_the_state()
    {
        var address = DatabaseAddress.Parse($"sqlite:{_directory.FullName}/absent/broker.db");
        var error = await Assert.ThrowsAsync<BrokerStateException>(() => SqlBrokerState.OpenAsync(address, TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal(BrokerStateError.Unavailable, error.Error);
    }

    [Fact]
    public async Task Evidence_of_a_lease_is_found_without_reading_that_of_all_leases()
    {
        await using var dialect = Dialect.For(DatabaseAddress.Parse(Address));
        await using DbConnection connection = await dialect.ConnectAsync(TestContext.Current.CancellationToken);
        var plan = await connection.QueryAsync<(long Id, long Parent, long Unused, string Detail)>(
            $"EXPLAIN QUERY PLAN {SqlBrokerState.DeleteEvidenceOfLease}", new { OfLease = "x" });
        Assert.Contains("Lease=?", Assert.Single(plan).Detail, StringComparison.Ordinal);
    }

    protected override Task<string> CreateDatabaseAsync() => Task.FromResult($"sqlite:{_directory.FullName}/broker{++_databases}.db");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
