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

    protected override Task<string> CreateDatabaseAsync() => Task.FromResult($"sqlite:{_directory.FullName}/broker{++_databases}.db");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
