using Cloister.Broker.State.Evidence;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    [Fact]
    public async Task The_last_evidence_of_a_lease_is_kept()
    {
        var limits = new EvidenceLimits(3, 3, TimeSpan.FromDays(1));
        await _state.KeepEvidenceAsync(NewEvidence("l1", 1), limits, Cancellation);
        await _state.KeepEvidenceAsync(NewEvidence("l1", 2), limits, Cancellation);
        EvidenceRecord kept = (await _state.FindEvidenceAsync("l1", Cancellation))!;
        Assert.Equal([2], kept.Body);
        Assert.Equal(NewEvidence("l1", 2) with { Body = kept.Body }, kept);
        foreach (string lease in new[] { "l2", "l3", "l4" })
            await _state.KeepEvidenceAsync(NewEvidence(lease, 3), limits, Cancellation);
        Assert.Null(await _state.FindEvidenceAsync("l1", Cancellation));
        Assert.NotNull(await _state.FindEvidenceAsync("l2", Cancellation));
        _clock.Advance(TimeSpan.FromDays(2));
        await _state.KeepEvidenceAsync(NewEvidence("l5", 4), limits, Cancellation);
        Assert.Null(await _state.FindEvidenceAsync("l4", Cancellation));
        Assert.Throws<ArgumentException>(() => { _ = _state.KeepEvidenceAsync(NewEvidence("", 4), limits, Cancellation); });
        Assert.Throws<ArgumentException>(() => { _ = _state.KeepEvidenceAsync(NewEvidence("l6", 4) with { Body = new byte[1048577] }, limits, Cancellation); });
    }

    [Fact]
    public async Task Refused_evidence_is_bounded_by_count_and_age()
    {
        var limits = new EvidenceLimits(3, 3, TimeSpan.FromDays(1));
        await _state.KeepEvidenceAsync(NewEvidence("l1", 9), limits, Cancellation);
        for (byte i = 1; i <= 5; i++)
            await _state.KeepEvidenceAsync(NewEvidence("", i) with { Accepted = false, Reason = "tcb" }, limits, Cancellation);
        Assert.Equal([5, 4, 3], (await _state.ListRefusedEvidenceAsync(10, Cancellation)).Select(evidence => evidence.Body[0]));
        Assert.Equal("tcb", Assert.Single(await _state.ListRefusedEvidenceAsync(1, Cancellation)).Reason);
        Assert.NotNull(await _state.FindEvidenceAsync("l1", Cancellation));
        _clock.Advance(TimeSpan.FromDays(2));
        await _state.KeepEvidenceAsync(NewEvidence("", 6) with { Accepted = false }, limits, Cancellation);
        Assert.Equal(6, Assert.Single(await _state.ListRefusedEvidenceAsync(10, Cancellation)).Body[0]);
    }

    [Fact]
    public async Task A_reason_with_characters_that_no_database_takes_is_kept_without_them()
    {
        var limits = new EvidenceLimits(3, 3, TimeSpan.FromDays(1));
        await _state.KeepEvidenceAsync(NewEvidence("", 1) with { Accepted = false, Reason = "a\0b\uD800c\u00E4" }, limits, Cancellation);
        Assert.Equal("a\uFFFDb\uFFFDc\u00E4", Assert.Single(await _state.ListRefusedEvidenceAsync(1, Cancellation)).Reason);
    }

    [Fact]
    public async Task Evidence_of_a_time_is_read_whole()
    {
        var limits = new EvidenceLimits(1000, 1000, TimeSpan.FromDays(9));
        DateTimeOffset from = _clock.GetUtcNow().AddSeconds(1);
        for (int i = 0; i < 70; i++)
        {
            await _state.KeepEvidenceAsync(NewEvidence($"l{i}", 1), limits, Cancellation);
            await _state.KeepEvidenceAsync(NewEvidence("", 2) with { Accepted = false }, limits, Cancellation);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        var read = new List<EvidenceRecord>();
        await foreach (EvidenceRecord evidence in _state.ReadEvidenceAsync(from, from.AddSeconds(50), Cancellation))
            read.Add(evidence);
        Assert.Equal(50, read.Count(evidence => evidence.Accepted));
        Assert.Equal(50, read.Count(evidence => !evidence.Accepted));
        Assert.All(read, evidence => Assert.InRange(evidence.At, from, from.AddSeconds(49)));
    }

    private EvidenceRecord NewEvidence(string lease, byte body) => new(true, lease, "instance", "snp", "", _clock.GetUtcNow(), [body]);
}
