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
            // Even with the authority's signature, which a forger does not have.
            foreach (IShareAuthority? authority in (IShareAuthority?[])[null, server.ShareAuthority])
            {
                AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Bob.RestoreAsync(Request(identity, authority), Cancellation));
                Assert.Equal(AdminErrors.Refused, refused.Error);
            }
        }

        Kek kek = Assert.Single(await server.Broker.State.ListKeksAsync(null, Cancellation));
        Assert.Equal([version], kek.Versions);
        foreach (KekIdentity identity in forged[..3])
        {
            await Assert.ThrowsAsync<KeyStoreException>(() => server.Broker.Store.ReleaseAsync(identity, new byte[32], Cancellation));
        }

        Assert.Equal(8, (await server.Broker.AuditAsync()).Count(entry => entry.Kind == "kek.restore" && entry.Details.Contains("\"refused\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_key_that_its_store_lost_comes_back_when_two_persons_want_it()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync("restore");
        await server.Broker.NewKekAsync("payments", Cancellation);
        KekIdentity identity = BrokerUnderTest.Identity((await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[0]);
        IReadOnlyList<string> shares = await Keepers.ExportAsync(server, "payments", 1, 2, 3);
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

    [Fact]
    public async Task Shares_that_this_broker_did_not_sign_are_refused()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await using AdministrationServer other = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        KekIdentity identity = BrokerUnderTest.Identity((await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[0]);
        byte[] key = new byte[32];
        await server.Broker.Store.ReleaseAsync(identity, key, Cancellation);
        string commitment = await server.Broker.State.FindCommitmentAsync("payments", 1, Cancellation);
        RecoveryShare[] unsigned = [.. RecoveryShares.Split(identity, key, 2, 3)];
        RecoveryShare[] signed = [.. unsigned.Select(share => share.Sign(commitment, server.ShareAuthority))];
        RecoveryShare foreign = unsigned[1].Sign(commitment, other.ShareAuthority);
        RecoveryShare promising = unsigned[1].Sign(new string('0', 64), server.ShareAuthority);
        foreach (RecoveryShare[] shares in (RecoveryShare[][])[unsigned, [signed[0], unsigned[1]], [signed[0], foreign], [signed[0], promising]])
        {
            RestoreKekRequest restore = new([.. shares.Select(share => share.ToText())], "cluster-a", "production", "main");
            AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Bob.RestoreAsync(restore, Cancellation));
            Assert.Contains("not signed by this broker", refused.Message, StringComparison.Ordinal);
            DrillResult drill = await server.Bob.DrillAsync(new DrillRequest(restore.Shares), Cancellation);
            Assert.Equal((true, false), (drill.Restored, drill.Matches));
            Assert.Contains("not signed by this broker", drill.Detail, StringComparison.Ordinal);
        }

        // All signed, by this broker, and of another key than the shares restore.
        RestoreKekRequest wrong = new([.. unsigned.Select(share => share.Sign(new string('0', 64), server.ShareAuthority).ToText())], "cluster-a", "production", "main");
        Assert.Contains("forged", (await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Bob.RestoreAsync(wrong, Cancellation))).Message, StringComparison.Ordinal);
        await server.Bob.RestoreAsync(wrong with { Shares = [.. signed.Select(share => share.ToText())] }, Cancellation);
    }

    [Fact]
    public async Task Of_what_is_exported_each_keeper_opens_his_share_and_no_other()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync("export");
        await server.Broker.NewKekAsync("payments", Cancellation);
        using Keepers keepers = new(3);
        using Keepers others = new(3);
        PendingRequest request = (await server.Alice.ExportAsync("payments", 1, keepers.Request(2), Cancellation)).Waiting!;
        Assert.All(keepers.Pins, pin => Assert.Contains(pin, JsonNode.Parse(request.Parameters)!["keepers"]!.AsArray().Select(one => (string)one!)));

        // The approval is for these keepers, in whatever order, and for no others.
        AdministrationRefusedException changed = await Assert.ThrowsAsync<AdministrationRefusedException>(
            () => server.Bob.ExportAsync("payments", 1, others.Request(2, request.Id), Cancellation));
        Assert.Contains("something else", changed.Message, StringComparison.Ordinal);
        ExportKekRequest approval = new(2, [.. keepers.Keys.Reverse()], request.Id);
        IReadOnlyList<SealedRecoveryShare> shares = (await server.Bob.ExportAsync("payments", 1, approval, Cancellation)).Done!.Shares;
        Assert.Equal(keepers.Pins, shares.Select(share => share.Keeper));
        foreach (SealedRecoveryShare share in shares)
        {
            Assert.DoesNotContain("cloister-share", share.Share, StringComparison.Ordinal);
            Assert.True(RecoveryShare.Parse(keepers.Open(share, share.Keeper)).IsSignedBy(server.ShareAuthority));
            Assert.All(keepers.Pins.Where(pin => pin != share.Keeper), pin => Assert.Throws<FormatException>(() => keepers.Open(share, pin)));
        }

        JsonNode entry = JsonNode.Parse((await server.Broker.AuditAsync()).Single(one => one.Kind == "kek.export").Details)!;
        Assert.Equal(keepers.Pins, entry["keepers"]!.AsArray().Select(pin => (string)pin!));
    }

    [Fact]
    public async Task Keepers_are_two_at_least_and_each_is_one()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        using Keepers keepers = new(3);
        string[] keys = keepers.Keys;
        using RSA rsa = RSA.Create(2048);
        using ECDiffieHellman other = ECDiffieHellman.Create(ECCurve.NamedCurves.brainpoolP256r1);
        using ECDiffieHellman mine = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ExportKekRequest[] refused =
        [
            new(2, []), new(2, [keys[0]]), new(2, [keys[0], keys[0]]), new(2, [keys[0], keys[1], keys[0] + "\n"]), new(4, keys), new(1, keys), new(2, [keys[0], "sha256:"]),
            new(2, [keys[0], rsa.ExportSubjectPublicKeyInfoPem()]), new(2, [keys[0], other.ExportSubjectPublicKeyInfoPem()]), new(2, [keys[0], mine.ExportPkcs8PrivateKeyPem()]),
        ];
        foreach (ExportKekRequest request in refused)
        {
            AdministrationRefusedException e = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Bob.ExportAsync("payments", 1, request, Cancellation));
            Assert.Equal(AdminErrors.BadRequest, e.Error);
        }
    }

    private static RestoreKekRequest Request(KekIdentity identity, IShareAuthority? authority)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        IEnumerable<RecoveryShare> shares = RecoveryShares.Split(identity, key, 2, 2);
        return new([.. (authority is null ? shares : shares.Select(share => share.Sign(CommitmentOf(identity, key), authority))).Select(share => share.ToText())], "cluster-a", "production", "main");
    }

    // docs/recovery-shares.md, "What a broker takes back".
    private static string CommitmentOf(KekIdentity identity, byte[] key)
    {
        byte[] fingerprint = new byte[KeyFingerprint.Size];
        identity.Fingerprint().CopyTo(fingerprint);
        return Convert.ToHexStringLower(SHA256.HashData([.. "cloister-kek-commitment-v1"u8, .. fingerprint, .. key]));
    }
}
