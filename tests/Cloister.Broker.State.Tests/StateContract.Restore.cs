using Cloister.Broker.State.Keks;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    private static readonly string Generation = new('a', 32);

    [Fact]
    public async Task A_restored_version_has_its_number_and_generation_and_the_next_comes_after_it()
    {
        Kek kek = await _state.RestoreVersionAsync(NewKek("main"), 4, Generation, Cancellation);
        Assert.Equal(new KekVersion("main", 4, Generation, KekVersionState.Enabled, _clock.GetUtcNow(), _clock.GetUtcNow(), null), Assert.Single(kek.Versions));
        Assert.Equal(NewKek("main") with { CreatedAt = _clock.GetUtcNow() }, kek.Record);
        Assert.Equal(5, (await _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation)).Version);
    }

    [Fact]
    public async Task An_older_version_that_is_restored_later_is_not_active_after_a_newer_one()
    {
        await _state.RestoreVersionAsync(NewKek("main"), 2, Generation, Cancellation);
        _clock.Advance(TimeSpan.FromHours(1));
        Kek kek = await _state.RestoreVersionAsync(NewKek("main"), 1, new string('b', 32), Cancellation);
        Assert.Equal(kek.Versions[1].ActiveAt, kek.Versions[0].ActiveAt);
    }

    [Fact]
    public async Task What_is_there_is_not_changed_by_a_restore()
    {
        Kek made = await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        Assert.Equal(made.Etag, (await _state.RestoreVersionAsync(NewKek("main"), 1, made.Versions[0].Generation, Cancellation)).Etag);

        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main"), 1, Generation, Cancellation));
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main") with { Cluster = "c9" }, 2, Generation, Cancellation));
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main") with { Store = "other" }, 2, Generation, Cancellation));
        await _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow(), Cancellation);
        await _state.MarkDestroyedAsync("main", 1, Cancellation);
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main"), 1, made.Versions[0].Generation, Cancellation));
        Assert.Single((await _state.FindKekAsync("main", Cancellation))!.Versions);
    }
}
