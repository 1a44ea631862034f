using Cloister.Broker.State.Keks;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    private static readonly string Generation = new('a', 32);

    [Fact]
    public async Task A_restored_version_has_its_number_and_generation_and_the_next_comes_after_it()
    {
        Kek kek = await _state.RestoreVersionAsync(NewKek("main"), 4, Generation, "c", Cancellation);
        Assert.Equal(new KekVersion("main", 4, Generation, KekVersionState.Enabled, _clock.GetUtcNow(), _clock.GetUtcNow(), null), Assert.Single(kek.Versions));
        Assert.Equal(NewKek("main") with { CreatedAt = _clock.GetUtcNow() }, kek.Record);
        Assert.Equal(5, (await _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation)).Version);
    }

    [Fact]
    public async Task An_older_version_that_is_restored_later_is_not_active_after_a_newer_one()
    {
        await _state.RestoreVersionAsync(NewKek("main"), 2, Generation, "c", Cancellation);
        _clock.Advance(TimeSpan.FromHours(1));
        Kek kek = await _state.RestoreVersionAsync(NewKek("main"), 1, new string('b', 32), "c", Cancellation);
        Assert.Equal(kek.Versions[1].ActiveAt, kek.Versions[0].ActiveAt);
    }

    [Fact]
    public async Task What_is_there_is_not_changed_by_a_restore()
    {
        Kek made = await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        Assert.Equal(made.Etag, (await _state.RestoreVersionAsync(NewKek("main"), 1, made.Versions[0].Generation, "c", Cancellation)).Etag);

        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main"), 1, Generation, "c", Cancellation));
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main") with { Cluster = "c9" }, 2, Generation, "c", Cancellation));
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main") with { Store = "other" }, 2, Generation, "c", Cancellation));
        await _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow(), Cancellation);
        await _state.DueForDestroyAsync(Cancellation);
        await _state.MarkDestroyedAsync("main", 1, Cancellation);
        await RefusedAsync(() => _state.RestoreVersionAsync(NewKek("main"), 1, made.Versions[0].Generation, "c", Cancellation));
        Assert.Single((await _state.FindKekAsync("main", Cancellation))!.Versions);
        await RefusedAsync(() => _state.CheckRestoreAsync(NewKek("main"), 1, made.Versions[0].Generation, Cancellation));
        await RefusedAsync(() => _state.CheckRestoreAsync(NewKek("main") with { Cluster = "c9" }, 2, Generation, Cancellation));
    }

    [Fact]
    public async Task A_commitment_is_kept_with_its_version_and_never_changed()
    {
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), (_, _) => Task.FromResult("first"), Cancellation);
        await _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.SetCommitmentAsync("main", 1, "other", Cancellation);
        Assert.Equal("first", await _state.FindCommitmentAsync("main", 1, Cancellation));
        Assert.Equal("", await _state.FindCommitmentAsync("main", 3, Cancellation));

        (KekVersion version, string store) = Assert.Single(await _state.ListWithoutCommitmentAsync(Cancellation));
        Assert.Equal((2, NewKek("main").Store), (version.Version, store));
        await _state.SetCommitmentAsync("main", 2, "second", Cancellation);
        Assert.Equal("second", await _state.FindCommitmentAsync("main", 2, Cancellation));
        Assert.Empty(await _state.ListWithoutCommitmentAsync(Cancellation));
    }
}
