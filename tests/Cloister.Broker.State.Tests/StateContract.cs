using System.Collections.Concurrent;
using System.Data.Common;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State.Tests;

/// <summary>What holds for the state in any database.</summary>
public abstract partial class StateContract : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private readonly ConcurrentBag<string> _reports = [];
    private SqlBrokerState _state = null!;

    protected string Address { get; private set; } = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected abstract Task<string> CreateDatabaseAsync();

    public async ValueTask InitializeAsync()
    {
        Address = await CreateDatabaseAsync();
        _state = await OpenAsync(Address);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_state is not null)
            await _state.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Settings_are_set_once()
    {
        Assert.Null(await _state.FindSettingAsync("authority", Cancellation));
        Assert.True(await _state.SetSettingIfAbsentAsync("authority", new byte[] { 1, 2, 0 }, Cancellation));
        Assert.False(await _state.SetSettingIfAbsentAsync("authority", new byte[] { 9 }, Cancellation));
        Assert.Equal([1, 2, 0], await _state.FindSettingAsync("authority", Cancellation));
        Assert.True(await _state.RemoveSettingAsync("authority", Cancellation));
        Assert.False(await _state.RemoveSettingAsync("authority", Cancellation));
        Assert.Null(await _state.FindSettingAsync("authority", Cancellation));
    }

    [Fact]
    public async Task State_outlives_the_process()
    {
        await _state.SetSettingIfAbsentAsync("a", new byte[] { 7 }, Cancellation);
        await _state.DisposeAsync();
        var closed = await Assert.ThrowsAsync<BrokerStateException>(() => _state.SetSettingIfAbsentAsync("b", new byte[] { 7 }, Cancellation));
        Assert.Equal(BrokerStateError.Unavailable, closed.Error);
        _state = await OpenAsync(Address);
        await _state.CheckAsync(Cancellation);
        Assert.Equal([7], await _state.FindSettingAsync("a", Cancellation));
    }

    [Fact]
    public async Task Every_earlier_version_is_migrated()
    {
        for (int version = 0; version <= Migrator.Latest; version++)
        {
            string address = await CreateDatabaseAsync();
            await using (Dialect dialect = Dialect.For(DatabaseAddress.Parse(address)))
            {
                await dialect.PrepareAsync(Cancellation);
                await Migrator.MigrateAsync(dialect, version, Cancellation);
                await using DbConnection connection = await dialect.ConnectAsync(Cancellation);
                Assert.Equal(version, await connection.ExecuteScalarAsync<long?>("SELECT MAX(Version) FROM SchemaVersions") ?? 0);
                if (version >= 1)
                    await connection.ExecuteAsync("INSERT INTO Settings (Name, Value) VALUES ('old', @value)", new { value = new byte[] { 5 } });
            }
            await using SqlBrokerState state = await OpenAsync(address);
            Assert.Equal(version >= 1 ? [5] : null, await state.FindSettingAsync("old", Cancellation));
        }
    }

    [Fact]
    public async Task A_newer_database_is_refused()
    {
        await ExecuteAsync("INSERT INTO SchemaVersions (Version) VALUES (9999)");
        var refused = await Assert.ThrowsAsync<BrokerStateException>(() => OpenAsync(Address));
        Assert.Equal(BrokerStateError.NewerSchema, refused.Error);
        Assert.Contains("9999", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Brokers_may_start_together()
    {
        string address = await CreateDatabaseAsync();
        SqlBrokerState[] states = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => OpenAsync(address))));
        bool[] made = await Task.WhenAll(states.Select(state => state.SetSettingIfAbsentAsync("authority", new byte[] { 1 }, Cancellation)));
        Assert.Single(made, true);
        foreach (SqlBrokerState state in states)
            await state.DisposeAsync();
    }

    [Fact]
    public async Task One_failing_write_takes_no_other_with_it()
    {
        Task<bool>[] good = [.. Enumerable.Range(0, 200).Select(i => _state.SetSettingIfAbsentAsync($"s{i}", new byte[] { 1 }, Cancellation))];
        Task[] bad = [.. Enumerable.Range(0, 20).Select(i => _state.SetKekPolicyAsync($"absent{i}", "p", Cancellation))];
        Task<bool>[] more = [.. Enumerable.Range(200, 200).Select(i => _state.SetSettingIfAbsentAsync($"s{i}", new byte[] { 1 }, Cancellation))];
        Assert.All(await Task.WhenAll(good), Assert.True);
        Assert.All(await Task.WhenAll(more), Assert.True);
        foreach (Task write in bad)
            Assert.Equal(BrokerStateError.NotFound, (await Assert.ThrowsAsync<BrokerStateException>(() => write)).Error);
        Assert.NotNull(await _state.FindSettingAsync("s399", Cancellation));
    }

    private async Task<SqlBrokerState> OpenAsync(string address, IRowHeadStore? outside = null)
    {
        SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(address), _clock, Cancellation);
        try
        {
            await state.AdoptRowsAsync(NewKey(), true, Cancellation);
            await state.AuthenticateAsync(NewKey(), outside, _reports.Add, Cancellation);
            return state;
        }
        catch
        {
            await state.DisposeAsync();
            throw;
        }
    }

    private static RowKey NewKey() => new([.. Enumerable.Repeat((byte)7, RowKey.Size)]);

    private async Task ExecuteAsync(string sql)
    {
        await using Dialect dialect = Dialect.For(DatabaseAddress.Parse(Address));
        await using DbConnection connection = await dialect.ConnectAsync(Cancellation);
        await connection.ExecuteAsync(sql);
    }
}
