using Cloister.AdminApi;
using Cloister.Administration.Client;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>KEKs over HTTPS: their life, and recovery shares.</summary>
public sealed class KekAndRecoveryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_life_of_a_KEK()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Alice.SetPolicyAsync("production", "a policy", Cancellation);
        await server.Broker.State.SetPolicyAsync("second", "another", "x", Cancellation);
        KekSummary made = await server.Alice.CreateKekAsync(new CreateKekRequest("payments", "cluster-a", "production", "main"), Cancellation);
        Assert.True(Assert.Single(made.Versions).Active);
        Assert.Matches("^cl1-[0-9a-f]{32}$", made.Versions[0].KeyId);

        DateTimeOffset later = server.Broker.Time.GetUtcNow().AddHours(1);
        KekSummary rotated = await server.Alice.RotateKekAsync("payments", later, Cancellation);
        Assert.Equal((true, false, later), (rotated.Versions[0].Active, rotated.Versions[1].Active, rotated.Versions[1].ActiveAt));
        Assert.Equal("disabled", (await server.Bob.DisableAsync("payments", 2, new DisableKekRequest(), Cancellation)).Versions[1].State);
        Assert.Equal("enabled", (await server.Bob.EnableAsync("payments", 2, Cancellation)).Versions[1].State);
        Assert.Equal("second", (await server.Alice.SetKekPolicyAsync("payments", "second", Cancellation)).Policy);
        await server.Bob.DestroyAsync("payments", 2, new DestroyKekRequest(86400, "payments"), Cancellation);
        Assert.Equal("disabled", (await server.Bob.CancelDestroyAsync("payments", 2, Cancellation)).Versions[1].State);

        Assert.Equal("payments", Assert.Single(await server.Carol.ListKeksAsync("cluster-a", Cancellation)).Name);
        Assert.Empty(await server.Carol.ListKeksAsync("cluster-b", Cancellation));
        AdministrationRefusedException absent = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Carol.GetKekAsync("absent", Cancellation));
        Assert.Equal(AdminErrors.NotFound, absent.Error);
    }

    [Fact]
    public async Task Shares_of_one_broker_restore_its_KEKs_in_an_empty_one()
    {
        await using AdministrationServer lost = await AdministrationServer.StartAsync();
        await lost.Broker.NewKekAsync("payments", Cancellation);
        KekSummary before = await lost.Alice.RotateKekAsync("payments", null, Cancellation);
        IReadOnlyList<string>[] shares =
        [
            await Keepers.ExportAsync(lost, "payments", 1, 2, 3),
            await Keepers.ExportAsync(lost, "payments", 2, 3, 5),
        ];
        byte[] original = await ReleaseAsync(lost, 2);

        await using AdministrationServer fresh = await AdministrationServer.StartLostAsync(lost);
        await fresh.Broker.State.SetPolicyAsync("production", "a policy", "x", Cancellation);
        RestoreKekRequest restore = new([shares[1][4], shares[1][0], shares[1][2]], "cluster-a", "production", "main");
        await fresh.Bob.RestoreAsync(restore, Cancellation);
        fresh.Broker.Time.Advance(TimeSpan.FromMinutes(1));
        KekSummary after = await fresh.Bob.RestoreAsync(restore with { Shares = [shares[0][1], shares[0][2]] }, Cancellation);

        Assert.Equal(before.Versions.Select(version => version.KeyId), after.Versions.Select(version => version.KeyId));
        Assert.True(after.Versions[1].Active);
        Assert.Equal(original, await ReleaseAsync(fresh, 2));
        Assert.Equal(after.Etag, (await fresh.Bob.RestoreAsync(restore, Cancellation)).Etag);

        List<string> audit = [.. (await fresh.Broker.AuditAsync()).Select(entry => entry.Details)];
        Assert.DoesNotContain(audit, details => details.Contains("cloister-share", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Too_few_shares_and_shares_of_two_sets_restore_nothing()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        IReadOnlyList<string> one = await Keepers.ExportAsync(server, "payments", 1, 2, 3);
        IReadOnlyList<string> other = await Keepers.ExportAsync(server, "payments", 1, 2, 3);
        foreach (string[] shares in (string[][])[[one[0]], [one[0], other[1]], [one[0], one[0]], ["nonsense"], []])
        {
            AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(
                () => server.Bob.RestoreAsync(new RestoreKekRequest(shares, "cluster-a", "production", "main"), Cancellation));
            Assert.Equal(AdminErrors.BadRequest, refused.Error);
            Assert.Contains("share", refused.Message, StringComparison.Ordinal);
            DrillResult drill = await server.Bob.DrillAsync(new DrillRequest(shares), Cancellation);
            Assert.Equal((false, false), (drill.Restored, drill.Matches));
            Assert.NotEqual("", drill.Detail);
        }
    }

    [Fact]
    public async Task A_drill_proves_the_shares_and_changes_nothing()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        IReadOnlyList<string> shares = await Keepers.ExportAsync(server, "payments", 1, 2, 3);
        string etag = (await server.Bob.GetKekAsync("payments", Cancellation)).Etag;

        DrillResult good = await server.Bob.DrillAsync(new DrillRequest([shares[2], shares[0]]), Cancellation);
        Assert.Equal((true, true, "payments", 1, ""), (good.Restored, good.Matches, good.Kek, good.Version, good.Detail));
        Assert.Equal(etag, (await server.Bob.GetKekAsync("payments", Cancellation)).Etag);

        await using AdministrationServer stranger = await AdministrationServer.StartAsync();
        await stranger.Broker.NewKekAsync("payments", Cancellation);
        DrillResult elsewhere = await stranger.Bob.DrillAsync(new DrillRequest(shares), Cancellation);
        Assert.Equal((true, false), (elsewhere.Restored, elsewhere.Matches));
        Assert.Contains("another broker", elsewhere.Detail, StringComparison.Ordinal);
    }

    private static async Task<byte[]> ReleaseAsync(AdministrationServer server, int version)
    {
        byte[] key = new byte[32];
        await server.Broker.Store.ReleaseAsync(
            BrokerUnderTest.Identity((await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[version - 1]), key, Cancellation);
        return key;
    }
}
