using Cloister.Broker.State.Keks;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    [Fact]
    public async Task A_kek_is_made_with_its_first_version_and_its_key()
    {
        KekVersion? seen = null;
        DateTimeOffset active = _clock.GetUtcNow().AddHours(1);
        Kek kek = await _state.CreateKekAsync(
            NewKek("main"), active,
            async (version, cancellation) =>
            {
                Assert.Null(await _state.FindKekAsync("main", cancellation));
                seen = version;
                return "";
            },
            Cancellation);
        Assert.Equal(new KekRecord("main", "c1", "db", "p", true, _clock.GetUtcNow()), kek.Record);
        Assert.Equal(seen, Assert.Single(kek.Versions));
        Assert.Equal((1, KekVersionState.Enabled, active, null), (seen!.Version, seen.State, seen.ActiveAt, seen.DestroyAt));
        Assert.Matches("^[0-9a-f]{32}$", seen.Generation);
        var again = await Assert.ThrowsAsync<BrokerStateException>(() => _state.CreateKekAsync(NewKek("main"), active, NoKey, Cancellation));
        Assert.Equal(BrokerStateError.Exists, again.Error);
        await _state.CreateKekAsync(NewKek("other") with { Cluster = "c2", Release = false }, active, NoKey, Cancellation);
        Assert.Equal(["main", "other"], (await _state.ListKeksAsync(null, Cancellation)).Select(item => item.Record.Name));
        Assert.False(Assert.Single(await _state.ListKeksAsync("c2", Cancellation)).Record.Release);
        Assert.Null(await _state.FindKekAsync("absent", Cancellation));
    }

    [Fact]
    public async Task A_version_whose_key_was_not_made_does_not_exist_and_its_number_is_used_up()
    {
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        await Assert.ThrowsAsync<IOException>(() => _state.AddVersionAsync("main", _clock.GetUtcNow(), (_, _) => throw new IOException(), Cancellation));
        KekVersion next = await _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation);
        Assert.Equal(3, next.Version);
        Kek kek = (await _state.FindKekAsync("main", Cancellation))!;
        Assert.Equal([1, 3], kek.Versions.Select(version => version.Version));
        Assert.Equal(next, kek.Versions[1]);
        Assert.Equal(2, kek.Versions.Select(version => version.Generation).Distinct().Count());
        var absent = await Assert.ThrowsAsync<BrokerStateException>(() => _state.AddVersionAsync("absent", _clock.GetUtcNow(), NoKey, Cancellation));
        Assert.Equal(BrokerStateError.NotFound, absent.Error);
    }

    [Fact]
    public async Task The_etag_changes_with_every_change()
    {
        var etags = new List<string?> { (await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation)).Etag };
        Func<Task>[] changes =
        [
            () => _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation),
            () => _state.SetKekPolicyAsync("main", "q", Cancellation),
            () => _state.SetVersionStateAsync("main", 1, false, Cancellation),
            () => _state.SetVersionStateAsync("main", 1, true, Cancellation),
            () => _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(1), Cancellation),
            () => _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(2), Cancellation),
            () => _state.CancelDestroyAsync("main", 1, Cancellation),
        ];
        foreach (Func<Task> change in changes)
        {
            await change();
            etags.Add(await _state.FindKekEtagAsync("main", Cancellation));
        }
        Assert.Equal(changes.Length + 1, etags.Distinct().Count());
        Assert.Equal(etags[^1], (await _state.FindKekAsync("main", Cancellation))!.Etag);
        Assert.Equal("q", (await _state.FindKekAsync("main", Cancellation))!.Record.Policy);
        await _state.SetVersionStateAsync("main", 2, true, Cancellation);
        Assert.Equal(etags[^1], await _state.FindKekEtagAsync("main", Cancellation));
        Assert.Null(await _state.FindKekEtagAsync("absent", Cancellation));
    }

    [Fact]
    public async Task A_wrong_clock_destroys_nothing_early()
    {
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(7), Cancellation);

        // A broker that starts with a clock that is wrong, and one whose clock jumps.
        TestClock fast = new();
        fast.Jump(TimeSpan.FromDays(3650));
        await using (SqlBrokerState other = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(Address), fast, Cancellation))
        {
            Assert.Empty(await other.DueForDestroyAsync(Cancellation));
            fast.Advance(TimeSpan.FromDays(6));
            Assert.Empty(await other.DueForDestroyAsync(Cancellation));
        }

        _clock.Jump(TimeSpan.FromDays(30));
        Assert.Empty(await _state.DueForDestroyAsync(Cancellation));
        await Assert.ThrowsAsync<BrokerStateException>(() => _state.MarkDestroyedAsync("main", 1, Cancellation));

        // It can be taken back still, and ordered again: by a clock that is behind, which makes it no sooner.
        await _state.CancelDestroyAsync("main", 1, Cancellation);
        _clock.Jump(TimeSpan.FromDays(-60));
        await _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(7), Cancellation);
        _clock.Jump(TimeSpan.FromDays(60));
        _clock.Advance(TimeSpan.FromDays(6));
        Assert.Empty(await _state.DueForDestroyAsync(Cancellation));
        _clock.Advance(TimeSpan.FromDays(1.5));
        Assert.Single(await _state.DueForDestroyAsync(Cancellation));
        Assert.Single(await _state.DueForDestroyAsync(Cancellation));
        await RefusedAsync(() => _state.CancelDestroyAsync("main", 1, Cancellation));
        await RefusedAsync(() => _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(7), Cancellation));
        await _state.MarkDestroyedAsync("main", 1, Cancellation);
    }

    [Fact]
    public async Task Two_brokers_count_the_same_time_once()
    {
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow().AddDays(2), Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        for (int hour = 1; hour < 48; hour++)
        {
            _clock.Advance(TimeSpan.FromHours(1));
            Assert.Empty(await _state.DueForDestroyAsync(Cancellation));
            Assert.Empty(await other.DueForDestroyAsync(Cancellation));
        }

        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Single(await other.DueForDestroyAsync(Cancellation));
    }

    [Fact]
    public async Task A_version_is_destroyed_when_due_and_never_before()
    {
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        await RefusedAsync(() => _state.MarkDestroyedAsync("main", 1, Cancellation));
        await RefusedAsync(() => _state.CancelDestroyAsync("main", 1, Cancellation));
        DateTimeOffset at = _clock.GetUtcNow().AddDays(7);
        await _state.ScheduleDestroyAsync("main", 1, at, Cancellation);
        await RefusedAsync(() => _state.MarkDestroyedAsync("main", 1, Cancellation));
        await RefusedAsync(() => _state.SetVersionStateAsync("main", 1, true, Cancellation));
        Assert.Empty(await _state.DueForDestroyAsync(Cancellation));

        _clock.Advance(TimeSpan.FromDays(7));
        KekVersion due = Assert.Single(await _state.DueForDestroyAsync(Cancellation));
        Assert.Equal((1, KekVersionState.DestroyScheduled, at), (due.Version, due.State, due.DestroyAt));
        await RefusedAsync(() => _state.CancelDestroyAsync("main", 1, Cancellation));
        await _state.MarkDestroyedAsync("main", 1, Cancellation);
        Assert.Empty(await _state.DueForDestroyAsync(Cancellation));
        Assert.Equal(KekVersionState.Destroyed, (await _state.FindKekAsync("main", Cancellation))!.Versions[0].State);
        await RefusedAsync(() => _state.SetVersionStateAsync("main", 1, true, Cancellation));
        await RefusedAsync(() => _state.ScheduleDestroyAsync("main", 1, at, Cancellation));
        await RefusedAsync(() => _state.CancelDestroyAsync("main", 1, Cancellation));
        Assert.Equal(2, (await _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation)).Version);
        var absent = await Assert.ThrowsAsync<BrokerStateException>(() => _state.ScheduleDestroyAsync("main", 9, at, Cancellation));
        Assert.Equal(BrokerStateError.NotFound, absent.Error);
    }

    private static KekRecord NewKek(string name) => new(name, "c1", "db", "p", true, default);

    private static Task<string> NoKey(KekVersion version, CancellationToken cancellation) => Task.FromResult("");

    private static async Task RefusedAsync(Func<Task> action) =>
        Assert.Equal(BrokerStateError.Refused, (await Assert.ThrowsAsync<BrokerStateException>(action)).Error);
}
