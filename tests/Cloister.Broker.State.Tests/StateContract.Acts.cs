using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Revocations;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    [Fact]
    public async Task A_change_that_cannot_be_logged_is_not_made()
    {
        // No kind of an event: the entry fails after the change was written, in the same transaction.
        AuditEvent unloggable = new("NOT A KIND", []);
        await _state.RevokeAsync(RevocationKind.Kek, "main", "why", "ann", Cancellation);
        await _state.CreateKekAsync(NewKek("main"), _clock.GetUtcNow(), NoKey, Cancellation);
        string etag = (await _state.FindKekEtagAsync("main", Cancellation))!;
        await _state.AddRequestAsync(NewRequest("r1"), Cancellation);
        Func<Task>[] changes =
        [
            () => _state.SetPolicyAsync("p", "a: 1", "ann", Cancellation, _ => unloggable),
            () => _state.SetKekPolicyAsync("main", "q", Cancellation, _ => unloggable),
            () => _state.RevokeAsync(RevocationKind.Kek, "other", "why", "ann", Cancellation, _ => unloggable),
            () => _state.UnrevokeAsync(RevocationKind.Kek, "main", Cancellation, _ => unloggable),
            () => _state.SetVersionStateAsync("main", 1, false, Cancellation, _ => unloggable),
            () => _state.ScheduleDestroyAsync("main", 1, _clock.GetUtcNow(), Cancellation, _ => unloggable),
            () => _state.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation, _ => unloggable),
            () => _state.CreateKekAsync(NewKek("second"), _clock.GetUtcNow(), NoKey, Cancellation, _ => unloggable),
            () => _state.RestoreVersionAsync(NewKek("third"), 1, Generation, "", Cancellation, _ => unloggable),
            () => _state.AddRequestAsync(NewRequest("r2"), Cancellation, _ => unloggable),
            () => _state.TakeRequestAsync("r1", Cancellation, _ => unloggable),
        ];
        foreach (Func<Task> change in changes)
            await Assert.ThrowsAsync<ArgumentException>(change);

        Assert.Null(await _state.FindPolicyAsync("p", Cancellation));
        Assert.Equal("main", Assert.Single(await _state.ListRevocationsAsync(Cancellation)).Value);
        Assert.Equal(etag, await _state.FindKekEtagAsync("main", Cancellation));
        Assert.Equal("main", Assert.Single(await _state.ListKeksAsync(null, Cancellation)).Record.Name);
        Assert.Equal("r1", Assert.Single(await _state.ListRequestsAsync(Cancellation)).Id);
        Assert.Empty(await EntriesAsync());
    }

    [Fact]
    public async Task What_is_logged_is_told_what_was_there_before()
    {
        await _state.SetPolicyAsync("p", "a: 1", "ann", Cancellation);
        await _state.CreateKekAsync(NewKek("main") with { Policy = "p" }, _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.RevokeAsync(RevocationKind.Kek, "main", "why", "ann", Cancellation);

        await _state.SetPolicyAsync("p", "a: 2", "bob", Cancellation, change => Entry(change.Before!.Digest, change.After.Digest));
        await _state.SetPolicyAsync("q", "a: 3", "bob", Cancellation, change => Entry(change.Before?.Digest ?? "none", change.After.Digest));
        await _state.SetKekPolicyAsync("main", "q", Cancellation, change => Entry(change.Before, change.BeforeDigest, change.AfterDigest));
        await _state.UnrevokeAsync(RevocationKind.Kek, "main", Cancellation, lifted => Entry(lifted!.Reason, lifted.By));
        await _state.UnrevokeAsync(RevocationKind.Kek, "main", Cancellation, lifted => Entry($"{lifted is null}"));
        await _state.SetVersionStateAsync("main", 1, false, Cancellation, before => Entry(before.State.ToString()));

        Assert.Equal(
            [
                Texts(PolicyRecord.DigestOf("a: 1"), PolicyRecord.DigestOf("a: 2")), Texts("none", PolicyRecord.DigestOf("a: 3")),
                Texts("p", PolicyRecord.DigestOf("a: 2"), PolicyRecord.DigestOf("a: 3")), Texts("why", "ann"), Texts("True"), Texts("Enabled"),
            ],
            (await EntriesAsync()).Select(entry => entry.Details));

        static AuditEvent Entry(params string[] texts) => new("test", new JsonObject { ["texts"] = string.Join(' ', texts) });

        static string Texts(params string[] texts) => Entry(texts).Details.ToJsonString();
    }

    private async Task<List<AuditEntry>> EntriesAsync() => await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation);
}
