using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Broker.State.Keks;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Cloister.Recovery;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Only what the broker once had comes back, and what is refused leaves nothing behind.</summary>
public sealed class RestoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Forged_shares_are_refused_and_leave_nothing_behind()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        KekVersion version = (await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[0];
        KekIdentity[] forged =
        [
            new(BrokerUnderTest.Authority, "payments", 7, new string('a', 32)), // a version that never was
            new(BrokerUnderTest.Authority, "invented", 1, new string('a', 32)), // a KEK that never was
            new(BrokerUnderTest.Authority, "payments", 1, new string('a', 32)), // a version that has another generation
            BrokerUnderTest.Identity(version), // the version itself, with another key
        ];
        foreach (KekIdentity identity in forged)
        {
            AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Bob.RestoreAsync(Request(identity), Cancellation));
            Assert.Equal(AdminErrors.Refused, refused.Error);
        }

        Kek kek = Assert.Single(await server.Broker.State.ListKeksAsync(null, Cancellation));
        Assert.Equal([version], kek.Versions);
        foreach (KekIdentity identity in forged[..3])
        {
            await Assert.ThrowsAsync<KeyStoreException>(() => server.Broker.Store.ReleaseAsync(identity, new byte[32], Cancellation));
        }

        Assert.Equal(4, (await server.Broker.AuditAsync()).Count(entry => entry.Kind == "kek.restore" && entry.Details.Contains("\"refused\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_key_that_its_store_lost_comes_back_when_two_persons_want_it()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync("restore");
        await server.Broker.NewKekAsync("payments", Cancellation);
        KekIdentity identity = BrokerUnderTest.Identity((await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[0]);
        IReadOnlyList<string> shares = (await server.Bob.ExportAsync("payments", 1, new ExportKekRequest(2, 3), Cancellation)).Done!.Shares;
        byte[] before = new byte[32];
        await server.Broker.Store.ReleaseAsync(identity, before, Cancellation);
        await server.Broker.Store.DestroyAsync(identity, Cancellation);

        RestoreKekRequest restore = new([shares[0], shares[2]], "cluster-a", "production", "main");
        PendingRequest request = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Bob.RestoreAsync(restore, Cancellation))).Request;
        Assert.DoesNotContain("cloister-share", request.Parameters, StringComparison.Ordinal);
        await Assert.ThrowsAsync<KeyStoreException>(() => server.Broker.Store.ReleaseAsync(identity, new byte[32], Cancellation));
        AdministrationRefusedException changed = await Assert.ThrowsAsync<AdministrationRefusedException>(
            () => server.Alice.RestoreAsync(restore with { Release = false, Approve = request.Id }, Cancellation));
        Assert.Contains("something else", changed.Message, StringComparison.Ordinal);

        // Other shares of the same key are the same act.
        await server.Alice.RestoreAsync(restore with { Shares = [shares[1], shares[2]], Approve = request.Id }, Cancellation);
        byte[] after = new byte[32];
        await server.Broker.Store.ReleaseAsync(identity, after, Cancellation);
        Assert.Equal(before, after);
        JsonNode entry = JsonNode.Parse((await server.Broker.AuditAsync()).Single(one => one.Kind == "kek.restore").Details)!;
        Assert.Equal(("bob", "alice", "payments"), ((string?)entry["requestedBy"], (string?)entry["by"], (string?)entry["kek"]));
    }

    [Fact]
    public async Task Versions_of_before_there_were_commitments_get_theirs()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.State.CreateKekAsync(BrokerUnderTest.Record("old"), broker.Time.GetUtcNow(), async (version, token) =>
        {
            await broker.Store.CreateAsync(BrokerUnderTest.Identity(version), token);
            return "";
        }, Cancellation);
        await broker.NewKekAsync("new", Cancellation);
        string kept = await broker.State.FindCommitmentAsync("new", 1, Cancellation);
        Assert.Equal(64, kept.Length);

        // One whose key the store lost keeps no other from its own.
        await broker.State.CreateKekAsync(BrokerUnderTest.Record("lost"), broker.Time.GetUtcNow(), (_, _) => Task.FromResult(""), Cancellation);
        AdministrationException e = await Assert.ThrowsAsync<AdministrationException>(() => broker.Administration.KeepCommitmentsAsync(Cancellation));
        Assert.Contains("KEK lost version 1", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("KEK old", e.Message, StringComparison.Ordinal);
        Assert.Empty(await broker.State.FindCommitmentAsync("lost", 1, Cancellation));
        Assert.Equal(64, (await broker.State.FindCommitmentAsync("old", 1, Cancellation)).Length);
        Assert.Equal(kept, await broker.State.FindCommitmentAsync("new", 1, Cancellation));
    }

    private static RestoreKekRequest Request(KekIdentity identity) => new(
        [.. RecoveryShares.Split(identity, RandomNumberGenerator.GetBytes(32), 2, 2).Select(share => share.ToText())], "cluster-a", "production", "main");
}
