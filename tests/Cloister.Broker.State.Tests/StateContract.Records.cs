using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sessions;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    [Fact]
    public async Task Policies_keep_their_history()
    {
        PolicyRecord first = await _state.SetPolicyAsync("p", "a: 1\n", "ann", Cancellation);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(first, await _state.SetPolicyAsync("p", "a: 1\n", "bob", Cancellation));
        PolicyRecord second = await _state.SetPolicyAsync("p", "a: 2\n", "bob", Cancellation);
        PolicyRecord other = await _state.SetPolicyAsync("o", "x", "bob", Cancellation);
        Assert.Equal(new PolicyRecord("p", 2, "a: 2\n", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("a: 2\n"))), _clock.GetUtcNow(), "bob"), second);
        Assert.Equal(second, await _state.FindPolicyAsync("p", Cancellation));
        Assert.Equal([first, second], await _state.ListPolicyVersionsAsync("p", Cancellation));
        Assert.Equal([other, second], await _state.ListPoliciesAsync(Cancellation));
        Assert.Null(await _state.FindPolicyAsync("absent", Cancellation));
    }

    [Fact]
    public async Task A_challenge_is_used_once_over_all_brokers()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        DateTimeOffset expires = _clock.GetUtcNow().AddSeconds(60);
        for (int i = 0; i < 20; i++)
        {
            bool[] used = await Task.WhenAll(Enumerable.Range(0, 6).Select(n =>
                Task.Run(() => (n % 2 == 0 ? _state : other).TryUseChallengeAsync(new ChallengeUse($"session{i}", expires, new AuditEvent("used", [])), Cancellation))));
            Assert.Single(used, true);
        }
    }

    [Fact]
    public async Task A_session_has_its_token_until_it_expires()
    {
        ChallengeUse use = new("s", _clock.GetUtcNow().AddSeconds(60), new AuditEvent("used", []), new AuditEvent("accepted", [])) { Token = ("t", _clock.GetUtcNow().AddMinutes(5)) };
        Assert.True(await _state.TryUseChallengeAsync(use with { SessionId = "without", Token = null }, Cancellation));
        Assert.Null(await _state.FindSessionTokenAsync("without", Cancellation));
        Assert.Null(await _state.FindSessionTokenAsync("s", Cancellation));
        Assert.True(await _state.TryUseChallengeAsync(use, Cancellation));
        Assert.Equal("t", await _state.FindSessionTokenAsync("s", Cancellation));

        // Whoever comes second changes nothing.
        Assert.False(await _state.TryUseChallengeAsync(use with { Token = ("another", _clock.GetUtcNow().AddMinutes(5)) }, Cancellation));
        Assert.Equal("t", await _state.FindSessionTokenAsync("s", Cancellation));
        Assert.Equal(["used", "accepted", "used", "accepted"], (await EntriesAsync()).Select(entry => entry.Kind));
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Null(await _state.FindSessionTokenAsync("s", Cancellation));
        Assert.False(await _state.TryUseChallengeAsync(use, Cancellation)); // remembered as long as its token
        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.True(await _state.TryUseChallengeAsync(use, Cancellation)); // purged: long over
    }

    [Fact]
    public async Task A_lease_is_renewed_and_counted()
    {
        LeaseRecord lease = NewLease("l1");
        Assert.Equal(lease, await _state.GrantLeaseAsync(new LeaseGrant(lease), Cancellation));
        _clock.Advance(TimeSpan.FromHours(1));
        LeaseRecord renewal = NewLease("l1") with { Measurement = "m2" };
        LeaseRecord expected = renewal with { FirstAt = lease.FirstAt, Renewals = 1, Wraps = 4, Unwraps = 5 };
        LeaseGrant grant = new(renewal)
        {
            Uses = (4, 5), Evidence = (NewEvidence("l1", 7), new EvidenceLimits(10, 10, TimeSpan.FromDays(1))), Log = stored => [new AuditEvent($"renewal.{stored.Renewals}", [])],
        };
        Assert.Equal(expected, await _state.GrantLeaseAsync(grant, Cancellation));
        Assert.Equal(expected, await _state.FindLeaseAsync("l1", Cancellation));

        // Of another's, nothing of it is written.
        await RefusedAsync(() => _state.GrantLeaseAsync(
            grant with { Lease = renewal with { Instance = "another" }, Evidence = (NewEvidence("l1", 8), new EvidenceLimits(10, 10, TimeSpan.FromDays(1))) }, Cancellation));
        Assert.Equal(expected, await _state.FindLeaseAsync("l1", Cancellation));
        Assert.Equal(NewEvidence("l1", 7).Body, (await _state.FindEvidenceAsync("l1", Cancellation))!.Body);
        Assert.Equal("renewal.1", Assert.Single(await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation)).Kind);

        _clock.Advance(TimeSpan.FromHours(3));
        LeaseRecord other = await _state.GrantLeaseAsync(new LeaseGrant(NewLease("l2") with { Cluster = "c2" }), Cancellation);
        Assert.Equal([other, expected], await _state.ListLeasesAsync(null, Cancellation));
        Assert.Equal([expected], await _state.ListLeasesAsync("c1", Cancellation));
        Assert.Equal(1, await _state.PurgeLeasesAsync(_clock.GetUtcNow(), Cancellation));
        Assert.Null(await _state.FindLeaseAsync("l1", Cancellation));
        Assert.NotNull(await _state.FindLeaseAsync("l2", Cancellation));
    }

    [Fact]
    public async Task A_challenge_is_used_with_the_lease_that_it_brings_or_not_at_all()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        LeaseGrant grant = new(NewLease("l1"))
        {
            Challenge = new ChallengeUse("s", _clock.GetUtcNow().AddSeconds(60), new AuditEvent("used", [])), Log = _ => [new AuditEvent("granted", [])],
            Evidence = (NewEvidence("l1", 7), new EvidenceLimits(10, 10, TimeSpan.FromDays(1))),
        };

        // One that is not there is not renewed, and its challenge is left.
        await FailsAsync(BrokerStateError.NotFound, grant with { Renews = true });
        Assert.Null(await _state.FindLeaseAsync("l1", Cancellation));
        Assert.Null(await _state.FindEvidenceAsync("l1", Cancellation));
        Assert.Empty(await EntriesAsync());

        // Of many at two brokers, beside others, one gets a lease.
        Task<LeaseRecord>[] same = [.. Enumerable.Range(0, 10).Select(n => Task.Run(() => (n % 2 == 0 ? _state : other).GrantLeaseAsync(grant, Cancellation)))];
        await Task.WhenAll(Enumerable.Range(0, 10).Select(n => Task.Run(() => _state.GrantLeaseAsync(new LeaseGrant(NewLease($"beside{n}")), Cancellation))));
        await Task.WhenAny(Task.WhenAll(same), Task.Delay(Timeout.Infinite, Cancellation));
        Assert.Single(same.Select(one => one.IsCompletedSuccessfully), true);
        Assert.All(same.Where(one => one.IsFaulted), one => Assert.Equal(BrokerStateError.Used, Assert.IsType<BrokerStateException>(one.Exception!.InnerException).Error));
        Assert.Equal(["used", "granted"], (await EntriesAsync()).Select(entry => entry.Kind));
        Assert.Equal(0, (await _state.FindLeaseAsync("l1", Cancellation))!.Renewals);
        Assert.Equal(11, (await _state.ListLeasesAsync(null, Cancellation)).Count);

        LeaseGrant renewal = grant with { Renews = true, Challenge = grant.Challenge with { SessionId = "next" } };
        Assert.Equal(1, (await _state.GrantLeaseAsync(renewal, Cancellation)).Renewals);
        await FailsAsync(BrokerStateError.Used, renewal);
        Assert.Equal(1, (await _state.FindLeaseAsync("l1", Cancellation))!.Renewals);

        async Task FailsAsync(BrokerStateError error, LeaseGrant refused) =>
            Assert.Equal(error, (await Assert.ThrowsAsync<BrokerStateException>(() => _state.GrantLeaseAsync(refused, Cancellation))).Error);
    }

    [Fact]
    public async Task A_lease_is_granted_by_the_newest_change_of_what_decides_or_not_at_all()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        await _state.SetPolicyAsync("p", "a: 1\n", "ann", Cancellation);
        RowHead decided = await _state.LookAsync(Cancellation);
        Assert.Same(decided, _state.RowHead);
        LeaseGrant grant = new(NewLease("l1")) { AsOf = decided, Challenge = new ChallengeUse("s", _clock.GetUtcNow().AddSeconds(60)) };
        await _state.GrantLeaseAsync(grant with { Challenge = null, Lease = NewLease("before") }, Cancellation);

        // Another broker revokes. Here, nobody has looked since.
        await other.RevokeAsync(RevocationKind.Instance, "i", "lost", "ann", Cancellation);
        Assert.Same(decided, _state.RowHead);
        Assert.Equal("a: 1\n", (await _state.FindPolicyAsync("p", Cancellation, decided))!.Yaml);
        Assert.Same(decided, _state.RowHead);
        Task<LeaseRecord>[] refused = [.. Enumerable.Range(0, 5).Select(n => _state.GrantLeaseAsync(grant with { Lease = NewLease($"l{n}") }, Cancellation))];
        foreach (Task<LeaseRecord> one in refused)
            Assert.Equal(BrokerStateError.Changed, (await Assert.ThrowsAsync<BrokerStateException>(() => one)).Error);
        Assert.Single(await _state.ListLeasesAsync(null, Cancellation));

        // Who looks again may be granted it, with the challenge that was not used up.
        long before = await _state.RevocationRevisionAsync(Cancellation, decided);
        RowHead newest = await _state.LookAsync(Cancellation);
        Assert.NotSame(decided, newest);
        Assert.True(await _state.RevocationRevisionAsync(Cancellation, newest) > before);
        await _state.GrantLeaseAsync(grant with { AsOf = newest }, Cancellation);
        Assert.NotNull(await _state.FindLeaseAsync("l1", Cancellation));
    }

    [Fact]
    public async Task Uses_beyond_what_a_lease_allows_are_refused_over_all_brokers_until_it_is_renewed()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        LeaseRecord lease = NewLease("l1") with { WrapsAllowed = 40, UnwrapsAllowed = 5 };
        await _state.GrantLeaseAsync(new LeaseGrant(lease), Cancellation);

        bool[] used = await Task.WhenAll(Enumerable.Range(0, 60).Select(n => Task.Run(() => UseAsync(n % 2 == 0 ? _state : other, "l1", 1, 0))));
        Assert.Equal(40, used.Count(allowed => allowed));
        Assert.False(await UseAsync(_state, "l1", 0, 6)); // all or none
        Assert.True(await UseAsync(_state, "l1", 0, 5));
        Assert.False(await UseAsync(_state, "l1", 0, 1));
        Assert.False(await UseAsync(_state, "l1", long.MaxValue, 0));
        Assert.False(await UseAsync(_state, "unknown", 1, 0));
        Assert.Equal(lease with { Wraps = 40, Unwraps = 5 }, await _state.FindLeaseAsync("l1", Cancellation));

        List<AuditEntry> audit = await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation);
        Assert.Equal((41, 24), (audit.Count(entry => entry.Kind == "use"), audit.Count(entry => entry.Kind == "refusal")));
        await _state.GrantLeaseAsync(new LeaseGrant(lease with { WrapsAllowed = 1 }), Cancellation);
        Assert.True(await UseAsync(_state, "l1", 1, 5));
        Assert.False(await UseAsync(_state, "l1", 1, 0));
    }

    [Fact]
    public async Task A_revocation_is_seen_by_its_revision()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        long revision = await other.RevocationRevisionAsync(Cancellation);
        Assert.True(await _state.RevokeAsync(RevocationKind.Platform, "ab", "stolen", "ann", Cancellation));
        long revoked = await other.RevocationRevisionAsync(Cancellation);
        Assert.True(revoked > revision);
        Assert.False(await other.RevokeAsync(RevocationKind.Platform, "ab", "again", "bob", Cancellation));
        Assert.Equal(revoked, await _state.RevocationRevisionAsync(Cancellation));
        Assert.True(await _state.RevokeAsync(RevocationKind.Kek, "ab", "leaked", "bob", Cancellation));
        Assert.Equal(
            [new Revocation(RevocationKind.Kek, "ab", "leaked", _clock.GetUtcNow(), "bob"), new Revocation(RevocationKind.Platform, "ab", "stolen", _clock.GetUtcNow(), "ann")],
            await other.ListRevocationsAsync(Cancellation));
        long before = await other.RevocationRevisionAsync(Cancellation);
        Assert.True(await other.UnrevokeAsync(RevocationKind.Platform, "ab", Cancellation));
        Assert.False(await other.UnrevokeAsync(RevocationKind.Platform, "ab", Cancellation));
        Assert.True(await _state.RevocationRevisionAsync(Cancellation) > before);
        Assert.Single(await _state.ListRevocationsAsync(Cancellation));
    }

    private static Task<bool> UseAsync(SqlBrokerState state, string lease, long wraps, long unwraps) =>
        state.TryUseAsync(lease, wraps, unwraps, new AuditEvent("use", new JsonObject()), new AuditEvent("refusal", new JsonObject()), Cancellation);

    private LeaseRecord NewLease(string id) => new(
        id, "instance", "c1", "provider", "main", "sgx", "m1", "ff", "cc", "p", _clock.GetUtcNow(), _clock.GetUtcNow(), _clock.GetUtcNow().AddHours(2), 0, 0, 0);
}
