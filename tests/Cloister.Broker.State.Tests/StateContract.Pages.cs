using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;

namespace Cloister.Broker.State.Tests;

/// <summary>What is read part by part.</summary>
public abstract partial class StateContract
{
    [Fact]
    public async Task Leases_are_read_part_by_part()
    {
        DateTimeOffset now = _clock.GetUtcNow();
        Assert.Equal((0, 0), await CountsAsync());
        for (int i = 0; i < 7; i++)
        {
            await _state.GrantLeaseAsync(new LeaseGrant(Lease($"{i:x32}", i % 2 == 0 ? "a" : "b", "k1", now.AddMinutes(i), now.AddHours(i - 1))), Cancellation);
        }

        Assert.Equal((5, 0), await CountsAsync());
        LeasePage page = await _state.PageLeasesAsync(new LeaseQuery { EndingAfter = now, Skip = 1, Most = 3 }, Cancellation);
        Assert.Equal(5, page.Total);
        Assert.Equal([$"{5:x32}", $"{4:x32}", $"{3:x32}"], page.Leases.Select(lease => lease.Id));
        Assert.Equal(2, (await _state.PageLeasesAsync(new LeaseQuery { EndingUntil = now }, Cancellation)).Total);
        Assert.Equal(4, (await _state.PageLeasesAsync(new LeaseQuery { Cluster = "a", Kek = "k1" }, Cancellation)).Total);
        Assert.Equal(0, (await _state.PageLeasesAsync(new LeaseQuery { Kek = "k2" }, Cancellation)).Total);
        Assert.Equal($"{6:x32}", Assert.Single((await _state.PageLeasesAsync(new LeaseQuery { Prefix = $"{6:x32}" }, Cancellation)).Leases).Id);

        // What a pattern would mean is looked for as it is.
        foreach (string text in (string[])["%", "_", "!", "'", "\\"])
        {
            Assert.Equal(0, (await _state.PageLeasesAsync(new LeaseQuery { Prefix = text }, Cancellation)).Total);
        }

        await _state.GrantLeaseAsync(new LeaseGrant(Lease("100%_!", "a", "k1", now, now.AddHours(1)) with { OtherRoots = "ff" }), Cancellation);
        Assert.Equal(1, (await _state.PageLeasesAsync(new LeaseQuery { Prefix = "100%_" }, Cancellation)).Total);
        Assert.Equal((6, 1), await CountsAsync());

        async Task<(long, long)> CountsAsync()
        {
            IReadOnlyList<LeaseCount> counts = await _state.CountLeasesAsync(now, Cancellation);
            return (counts.Sum(one => one.Count), counts.Sum(one => one.WithOtherRoots));
        }
    }

    [Fact]
    public async Task Entries_are_found_from_the_newest_on()
    {
        Assert.Equal(" before ", await FindAsync(new AuditQuery()));
        for (int i = 1; i <= 9; i++)
        {
            await _state.AppendAsync(new AuditEvent(i % 3 == 0 ? "wrap" : "unwrap", new() { ["n"] = i, ["text"] = i == 5 ? "100% _x" : "" }), Cancellation);
        }

        Assert.Equal("9,8,7,6 before 6", await FindAsync(new AuditQuery { Most = 4 }));
        Assert.Equal("5,4,3,2 before 2", await FindAsync(new AuditQuery { Most = 4, Before = 6 }));
        Assert.Equal("1 before ", await FindAsync(new AuditQuery { Most = 4, Before = 2 }));
        Assert.Equal("9,6,3 before ", await FindAsync(new AuditQuery { Kind = "wrap" }));
        Assert.Equal("5 before ", await FindAsync(new AuditQuery { Text = "100% _" }));
        Assert.Equal(" before ", await FindAsync(new AuditQuery { Text = "100_" }));

        // So many are looked at; then it says from where to go on.
        Assert.Equal("9 before 7", await FindAsync(new AuditQuery { Kind = "wrap", Look = 3 }));
        Assert.Equal("6 before 4", await FindAsync(new AuditQuery { Kind = "wrap", Look = 3, Before = 7 }));
        Assert.Null(await _state.LastCheckpointAsync(Cancellation));
        Assert.Empty(await _state.ListRecoveryActsAsync(10, Cancellation));
        foreach (string kind in (string[])["kek.export", "wrap", "authority.drill", "kek.drill"])
        {
            await _state.AppendAsync(new AuditEvent(kind, []), Cancellation);
        }

        Assert.Equal(["kek.drill", "authority.drill"], (await _state.ListRecoveryActsAsync(2, Cancellation)).Select(entry => entry.Kind));
        Assert.Equal(3, (await _state.ListRecoveryActsAsync(10, Cancellation)).Count);

        async Task<string> FindAsync(AuditQuery query)
        {
            AuditFinding found = await _state.FindAuditAsync(query, Cancellation);
            return $"{string.Join(',', found.Entries.Select(entry => entry.Seq))} before {found.Next}";
        }
    }

    [Fact]
    public async Task The_newest_refusal_of_each_instance_is_listed()
    {
        var limits = new EvidenceLimits(10, 10, TimeSpan.FromDays(1));
        Assert.Empty(await _state.ListRefusalsAsync(Cancellation));
        await _state.KeepEvidenceAsync(NewEvidence("l1", 1) with { Instance = "one" }, limits, Cancellation);
        foreach ((string instance, string reason) in ((string, string)[])[("one", "old"), ("two", "other"), ("one", "new")])
        {
            await _state.KeepEvidenceAsync(NewEvidence("", 1) with { Accepted = false, Instance = instance, Reason = reason }, limits, Cancellation);
        }

        Assert.Equal([("one", "new"), ("two", "other")], (await _state.ListRefusalsAsync(Cancellation)).Select(one => (one.Instance, one.Reason)).Order());
    }

    private static LeaseRecord Lease(string id, string cluster, string kek, DateTimeOffset renewed, DateTimeOffset ends) =>
        new(id, "instance", cluster, "tee", kek, "sgx", "measurement", "platform", "config", "policy", renewed, renewed, ends, 0, 0, 0);
}
