using Cloister.Broker.State.Keks;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration.Tests;

/// <summary>From making a KEK to destroying a version of it.</summary>
public sealed class KekLifeCycleTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_KEK_has_a_key_and_is_active_at_once()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        Kek kek = await broker.NewKekAsync("payments", Cancellation);

        KekVersion version = Assert.Single(kek.Versions);
        Assert.Equal(version, BrokerAdministration.ActiveAt(kek, broker.Time.GetUtcNow()));
        await broker.Store.ReleaseAsync(BrokerUnderTest.Identity(version), new byte[32], Cancellation);
    }

    [Fact]
    public async Task A_rotation_makes_its_key_now_and_is_active_at_its_time()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.NewKekAsync("payments", Cancellation);
        DateTimeOffset later = broker.Time.GetUtcNow().AddHours(1);
        KekVersion second = await broker.Administration.RotateAsync(BrokerUnderTest.Everything, "payments", later, Cancellation);
        Kek kek = (await broker.State.FindKekAsync("payments", Cancellation))!;

        Assert.Equal(1, BrokerAdministration.ActiveAt(kek, later.AddMilliseconds(-1))!.Version);
        Assert.Equal(2, BrokerAdministration.ActiveAt(kek, later)!.Version);
        byte[] first = new byte[32];
        byte[] next = new byte[32];
        await broker.Store.ReleaseAsync(BrokerUnderTest.Identity(kek.Versions[0]), first, Cancellation);
        await broker.Store.ReleaseAsync(BrokerUnderTest.Identity(second), next, Cancellation);
        Assert.NotEqual(first, next);
        await RefusedAsync(() => broker.Administration.RotateAsync(BrokerUnderTest.Everything, "payments", broker.Time.GetUtcNow().AddSeconds(-1), Cancellation));
    }

    [Theory]
    [InlineData("disabled")]
    [InlineData("disabled and enabled again")]
    [InlineData("disabled, destroyed")]
    [InlineData("disabled, rotated")]
    [InlineData("the clock goes back")]
    [InlineData("a later date overtaken")]
    [InlineData("a rotation that is called off")]
    public async Task The_version_that_writes_use_never_goes_back(string what)
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        BrokerAdministration administration = broker.Administration;
        await broker.NewKekAsync("payments", Cancellation);
        DateTimeOffset now = broker.Time.GetUtcNow();
        if (what is "a later date overtaken" or "a rotation that is called off")
        {
            await administration.RotateAsync(BrokerUnderTest.Everything, "payments", now.AddHours(1), Cancellation);
        }

        if (what == "a rotation that is called off")
        {
            await administration.SetVersionEnabledAsync(BrokerUnderTest.Everything, "payments", 2, false, Cancellation);
            Assert.Equal(1, await ActiveAsync(broker, now.AddHours(2)));
            return;
        }

        int active = (await administration.RotateAsync(BrokerUnderTest.Everything, "payments", null, Cancellation)).Version;
        Assert.Equal(active, await ActiveAsync(broker, now));
        switch (what)
        {
            case "a later date overtaken":
                Assert.Equal(3, await ActiveAsync(broker, now.AddHours(2)));
                return;
            case "the clock goes back":
                await broker.State.RaiseHighestActiveAsync("payments", 2, Cancellation);
                await broker.State.RaiseHighestActiveAsync("payments", 1, Cancellation);
                Assert.Equal(2, await ActiveAsync(broker, now.AddDays(-1)));
                return;
        }

        await administration.SetVersionEnabledAsync(BrokerUnderTest.Everything, "payments", 2, false, Cancellation);
        Assert.Null(await ActiveAsync(broker, now));
        Assert.Null(await ActiveAsync(broker, now.AddDays(1)));
        switch (what)
        {
            case "disabled and enabled again":
                await administration.SetVersionEnabledAsync(BrokerUnderTest.Everything, "payments", 2, true, Cancellation);
                Assert.Equal(2, await ActiveAsync(broker, now));
                break;
            case "disabled, destroyed":
                await administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 2, TimeSpan.FromHours(24), "payments", Cancellation);
                broker.Time.Advance(TimeSpan.FromHours(25));
                Assert.Equal((1, 0), await DestroyDueAsync(broker));
                Assert.Null(await ActiveAsync(broker, now.AddDays(2)));
                break;
            case "disabled, rotated":
                await administration.RotateAsync(BrokerUnderTest.Everything, "payments", null, Cancellation);
                Assert.Equal(3, await ActiveAsync(broker, now));
                break;
        }
    }

    private static async Task<(int Destroyed, int Problems)> DestroyDueAsync(BrokerUnderTest broker)
    {
        (int destroyed, IReadOnlyList<string> problems) = await broker.Administration.DestroyDueAsync(TimeSpan.FromMinutes(1), Cancellation);
        return (destroyed, problems.Count);
    }

    private static async Task<int?> ActiveAsync(BrokerUnderTest broker, DateTimeOffset at) =>
        (await broker.State.FindKekAsync("payments", Cancellation))!.ActiveAt(at)?.Version;

    [Fact]
    public async Task The_active_version_is_not_destroyed_and_an_old_one_only_after_its_delay()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        BrokerAdministration administration = broker.Administration;
        KekVersion first = (await broker.NewKekAsync("payments", Cancellation)).Versions[0];
        TimeSpan day = TimeSpan.FromHours(24);

        await RefusedAsync(() => administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 1, day, "payments", Cancellation));
        await administration.RotateAsync(BrokerUnderTest.Everything, "payments", broker.Time.GetUtcNow(), Cancellation);
        await RefusedAsync(() => administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 1, day, "payment", Cancellation));
        await RefusedAsync(() => administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 1, day - TimeSpan.FromSeconds(1), "payments", Cancellation));
        await administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 1, day, "payments", Cancellation);

        broker.Time.Advance(day - TimeSpan.FromSeconds(1));
        Assert.Equal((0, 0), await DestroyDueAsync(broker));
        await broker.Store.ReleaseAsync(BrokerUnderTest.Identity(first), new byte[32], Cancellation);
        broker.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((1, 0), await DestroyDueAsync(broker));
        KeyStoreException gone = await Assert.ThrowsAsync<KeyStoreException>(() => broker.Store.ReleaseAsync(BrokerUnderTest.Identity(first), new byte[32], Cancellation));
        Assert.Equal(KeyStoreFailure.Unknown, gone.Failure);
        Assert.Equal(KekVersionState.Destroyed, (await broker.State.FindKekAsync("payments", Cancellation))!.Versions[0].State);
    }

    [Fact]
    public async Task One_store_that_is_away_keeps_no_other_from_destroying()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.NewKekAsync("a-first", Cancellation);
        await broker.NewKekAsync("z-last", Cancellation);
        await broker.State.CreateKekAsync(BrokerUnderTest.Record("gone", "unplugged"), broker.Time.GetUtcNow(), (_, _) => Task.FromResult(""), Cancellation);
        await broker.State.CreateKekAsync(BrokerUnderTest.Record("hangs", "hung"), broker.Time.GetUtcNow(), (_, _) => Task.FromResult(""), Cancellation);
        using HangingStore hung = new();
        BrokerAdministration administration = new(
            broker.State, new Dictionary<string, IKeyStore> { ["main"] = broker.Store, ["hung"] = hung }, BrokerUnderTest.Authority, _ => [], broker.Time);
        foreach (string kek in (string[])["gone", "hangs", "a-first", "z-last"])
        {
            await broker.State.ScheduleDestroyAsync(kek, 1, broker.Time.GetUtcNow().AddDays(1), Cancellation);
            broker.Time.Advance(TimeSpan.FromSeconds(1));
        }

        broker.Time.Advance(TimeSpan.FromDays(1));
        (int destroyed, IReadOnlyList<string> problems) = await administration.DestroyDueAsync(TimeSpan.FromMilliseconds(200), Cancellation);
        Assert.Equal(2, destroyed);
        Assert.Equal(["KEK gone version 1", "KEK hangs version 1"], problems.Select(problem => problem[..problem.IndexOf(" in", StringComparison.Ordinal)]));
        foreach (string kek in (string[])["a-first", "z-last"])
        {
            Assert.Equal(KekVersionState.Destroyed, (await broker.State.FindKekAsync(kek, Cancellation))!.Versions[0].State);
        }

        hung.Release();
        (destroyed, problems) = await administration.DestroyDueAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal((1, 1), (destroyed, problems.Count));
    }

    [Fact]
    public async Task An_order_to_destroy_can_be_taken_back()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        KekVersion first = (await broker.NewKekAsync("payments", Cancellation)).Versions[0];
        await broker.Administration.RotateAsync(BrokerUnderTest.Everything, "payments", broker.Time.GetUtcNow(), Cancellation);
        await broker.Administration.ScheduleDestroyAsync(BrokerUnderTest.Everything, "payments", 1, TimeSpan.FromHours(24), "payments", Cancellation);
        await broker.Administration.CancelDestroyAsync(BrokerUnderTest.Everything, "payments", 1, Cancellation);

        broker.Time.Advance(TimeSpan.FromDays(3));
        Assert.Equal((0, 0), await DestroyDueAsync(broker));
        await broker.Store.ReleaseAsync(BrokerUnderTest.Identity(first), new byte[32], Cancellation);
    }

    [Theory]
    [InlineData("Payments", "main", "production")]
    [InlineData("payments", "nowhere", "production")]
    [InlineData("payments", "main", "unknown")]
    [InlineData("payments", "hsm", "production")]
    public async Task A_KEK_that_cannot_be_is_refused_and_leaves_nothing(string name, string store, string policy)
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.Administration.SetPolicyAsync(BrokerUnderTest.Everything, "production", "a policy", Cancellation);

        await RefusedAsync(() => broker.Administration.CreateKekAsync(BrokerUnderTest.Everything, BrokerUnderTest.Record(name, store, policy), Cancellation));
        Assert.Empty(await broker.State.ListKeksAsync(null, Cancellation));
    }

    [Fact]
    public async Task A_store_that_never_releases_takes_a_KEK_for_custody_remote()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.Administration.SetPolicyAsync(BrokerUnderTest.Everything, "production", "a policy", Cancellation);

        Assert.False((await broker.Administration.CreateKekAsync(BrokerUnderTest.Everything, BrokerUnderTest.Record("payments", "hsm", release: false), Cancellation)).Record.Release);
    }

    private static Task<AdministrationException> RefusedAsync(Func<Task> act) => Assert.ThrowsAsync<AdministrationException>(act);
}
