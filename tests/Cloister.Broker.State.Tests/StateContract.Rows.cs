using System.Data.Common;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State.Tests;

/// <summary>Somebody who writes to the database and does not have the key of its rows.</summary>
public abstract partial class StateContract
{
    [Theory]
    [InlineData("INSERT INTO Policies (Name, Version, Yaml, Digest, UpdatedAt, UpdatedBy) VALUES ('p1', 2, 'mine', 'd', 1, 'alice')", "p1")]
    [InlineData("UPDATE Policies SET Yaml = 'mine' WHERE Name = 'p1'", "p1")]
    [InlineData("DELETE FROM Policies WHERE Name = 'p1'", "p1")]
    [InlineData("INSERT INTO Policies (Name, Version, Yaml, Digest, UpdatedAt, UpdatedBy) VALUES ('new', 1, 'mine', 'd', 1, 'alice')", "new")]
    public async Task A_policy_that_no_broker_set_is_in_force_nowhere(string sql, string name)
    {
        await _state.SetPolicyAsync("p1", "one", "alice", Cancellation);
        await _state.SetPolicyAsync("p2", "two", "alice", Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        await ExecuteAsync(sql);
        BrokerStateException e = await NotAuthenticAsync(() => other.FindPolicyAsync(name, Cancellation));
        Assert.Contains($"table Policies, row {name},", e.Message, StringComparison.Ordinal);
        Assert.Contains("--accept-rows", e.Message, StringComparison.Ordinal);
        Assert.Equal("two", (await other.FindPolicyAsync("p2", Cancellation))!.Yaml);
        Assert.DoesNotContain(await other.ListPoliciesAsync(Cancellation), policy => policy.Yaml == "mine" || policy.Name == name);
        Assert.Contains(_reports, report => report.Contains($"row {name},", StringComparison.Ordinal));

        // Nobody makes it authentic by going on from it.
        await NotAuthenticAsync(() => other.SetPolicyAsync(name, "three", "alice", Cancellation));
    }

    [Theory]
    [InlineData("UPDATE Keks SET Policy = 'other' WHERE Name = 'main'")]
    [InlineData("UPDATE Keks SET Cluster = 'other' WHERE Name = 'main'")]
    [InlineData("UPDATE Keks SET Store = 'other' WHERE Name = 'main'")]
    [InlineData("UPDATE Keks SET Releasable = 1 - Releasable WHERE Name = 'main'")]
    [InlineData("UPDATE Keks SET HighestActive = 0, NextVersion = 1 WHERE Name = 'main'")]
    [InlineData("UPDATE KekVersions SET State = 'disabled' WHERE Name = 'main' AND Version = 2")]
    [InlineData("UPDATE KekVersions SET State = 'destroy-scheduled', DestroyAt = 1 WHERE Name = 'main' AND Version = 2")]
    [InlineData("UPDATE KekVersions SET Commitment = 'forged' WHERE Name = 'main' AND Version = 1")]
    [InlineData("UPDATE KekVersions SET ActiveAt = 0 WHERE Name = 'main' AND Version = 2")]
    [InlineData("DELETE FROM KekVersions WHERE Name = 'main' AND Version = 2")]
    [InlineData("INSERT INTO KekVersions (Name, Version, Generation, State, CreatedAt, ActiveAt) VALUES ('main', 3, 'mine', 'enabled', 1, 1)")]
    [InlineData("DELETE FROM KekVersions WHERE Name = 'main'; DELETE FROM Keks WHERE Name = 'main'")]
    public async Task A_kek_that_no_broker_left_so_is_not_used(string sql)
    {
        await MakeKekAsync("main");
        await MakeKekAsync("other");
        await using SqlBrokerState other = await OpenAsync(Address);
        await ExecuteAsync(sql);
        Assert.Contains("table Keks, row main,", (await NotAuthenticAsync(() => other.FindKekAsync("main", Cancellation))).Message, StringComparison.Ordinal);
        Assert.Equal("other", Assert.Single(await other.ListKeksAsync(null, Cancellation)).Record.Name);
        Assert.Empty(await other.DueForDestroyAsync(Cancellation));
        Assert.Equal(1, await other.CheckRowsAsync(Cancellation));
        await NotAuthenticAsync(() => other.SetKekPolicyAsync("main", "p", Cancellation));
        await NotAuthenticAsync(() => other.RaiseHighestActiveAsync("main", 2, Cancellation));
        await NotAuthenticAsync(() => other.SetVersionStateAsync("main", 1, false, Cancellation));
        await NotAuthenticAsync(() => other.AddVersionAsync("main", _clock.GetUtcNow(), NoKey, Cancellation));
        await NotAuthenticAsync(() => other.FindCommitmentAsync("main", 1, Cancellation));
    }

    [Fact]
    public async Task What_a_broker_has_in_memory_stays_what_it_was()
    {
        await MakeKekAsync("main");
        Assert.NotNull(await _state.FindKekAsync("main", Cancellation));
        await ExecuteAsync("UPDATE Keks SET Policy = 'other' WHERE Name = 'main'");
        Assert.Equal("p", (await _state.FindKekAsync("main", Cancellation))!.Record.Policy);
        Assert.Equal(1, await _state.CheckRowsAsync(Cancellation));
        await ExecuteAsync("UPDATE Keks SET Policy = 'p' WHERE Name = 'main'");
        Assert.Equal(0, await _state.CheckRowsAsync(Cancellation));
        Assert.Contains(await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation), entry => entry.Kind == "rows.not-authentic");
    }

    [Fact]
    public async Task A_row_of_before_is_not_put_back()
    {
        await MakeKekAsync("main");
        await _state.SetPolicyAsync("p", "lax", "alice", Cancellation);
        await _state.SetKekPolicyAsync("main", "lax", Cancellation);
        await ExecuteAsync("CREATE TABLE Copies AS SELECT Policy, Revision FROM Keks");
        await _state.SetPolicyAsync("p", "strict", "alice", Cancellation);
        await _state.SetKekPolicyAsync("main", "strict", Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        await ExecuteAsync("DELETE FROM Policies WHERE Name = 'p' AND Version = 2");
        await ExecuteAsync("UPDATE Keks SET Policy = (SELECT Policy FROM Copies), Revision = (SELECT Revision FROM Copies)");
        await NotAuthenticAsync(() => other.FindPolicyAsync("p", Cancellation));
        await NotAuthenticAsync(() => other.FindKekAsync("main", Cancellation));
    }

    [Fact]
    public async Task A_revocation_that_is_deleted_is_in_force()
    {
        await _state.RevokeAsync(RevocationKind.Platform, "00ff", "stolen", "alice", Cancellation);
        await _state.RevokeAsync(RevocationKind.Kek, "a/b", "stolen", "alice", Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        await ExecuteAsync("DELETE FROM Revocations");
        await ExecuteAsync("INSERT INTO Revocations (Kind, Value, Reason, RevokedAt, RevokedBy) VALUES ('instance', 'planted', '', 1, 'alice')");
        IReadOnlyList<Revocation> revoked = await other.ListRevocationsAsync(Cancellation);
        Assert.Equal([(RevocationKind.Kek, "a/b"), (RevocationKind.Platform, "00ff")], revoked.Select(one => (one.Kind, one.Value)));
        Assert.Equal(3, await other.CheckRowsAsync(Cancellation));

        // The way out: it is lifted, or revoked anew.
        Assert.True(await other.UnrevokeAsync(RevocationKind.Platform, "00ff", Cancellation));
        Assert.True(await other.RevokeAsync(RevocationKind.Instance, "planted", "now", "alice", Cancellation));
        Assert.Equal(1, await other.CheckRowsAsync(Cancellation));
    }

    [Fact]
    public async Task A_request_that_nobody_made_is_not_approved()
    {
        await _state.AddRequestAsync(NewRequest("real"), Cancellation);
        await _state.AddRequestAsync(NewRequest("done"), Cancellation);
        await ExecuteAsync("CREATE TABLE Copies AS SELECT * FROM PendingActs WHERE Id = 'done'");
        Assert.True(await _state.TakeRequestAsync("done", Cancellation));
        await ExecuteAsync("INSERT INTO PendingActs SELECT * FROM Copies");
        await ExecuteAsync("UPDATE PendingActs SET Parameters = '{1}' WHERE Id = 'real'");
        await ExecuteAsync($"INSERT INTO PendingActs (Id, Act, Parameters, RequestedBy, RequestedAt, ExpiresAt) VALUES ('forged', 'export', '[]', 'bob', 1, {long.MaxValue})");
        await using SqlBrokerState other = await OpenAsync(Address);
        Assert.Empty(await other.ListRequestsAsync(Cancellation));
        foreach (string id in (string[])["real", "done", "forged"])
        {
            await NotAuthenticAsync(() => other.FindRequestAsync(id, Cancellation));
            await NotAuthenticAsync(() => other.TakeRequestAsync(id, Cancellation));
        }
    }

    [Theory]
    [InlineData("UPDATE RowChanges SET Digest = (SELECT Digest FROM RowChanges WHERE Seq = 2) WHERE Seq = 3")]
    [InlineData("UPDATE RowChanges SET RowId = 'elsewhere' WHERE Seq = 3")]
    [InlineData("DELETE FROM RowChanges WHERE Seq = 2")]
    [InlineData("DELETE FROM RowChanges")]
    [InlineData("INSERT INTO RowChanges SELECT Seq + 10, KeyVersion, TableName, RowId, Digest, Mac FROM RowChanges WHERE Seq = 3")]
    public async Task A_chain_that_was_changed_is_refused(string sql)
    {
        await _state.SetPolicyAsync("p", "one", "alice", Cancellation);
        await _state.SetPolicyAsync("p", "two", "alice", Cancellation);
        await ExecuteAsync(sql);
        await using SqlBrokerState other = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(Address), _clock, Cancellation);
        await NotAuthenticAsync(() => other.AuthenticateAsync(NewKey(), null, _ => { }, Cancellation));
        await NotAuthenticAsync(() => other.FindPolicyAsync("p", Cancellation));
    }

    [Fact]
    public async Task Another_key_opens_nothing()
    {
        await using SqlBrokerState other = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(Address), _clock, Cancellation);
        Assert.False(await other.AdoptRowsAsync(new RowKey(new byte[RowKey.Size]), true, Cancellation));
        await NotAuthenticAsync(() => other.AuthenticateAsync(new RowKey(new byte[RowKey.Size]), null, _ => { }, Cancellation));
    }

    [Fact]
    public async Task A_database_that_went_back_is_noticed_at_once_and_at_the_next_start()
    {
        var outside = new HeadInMemory();
        await using SqlBrokerState other = await OpenAsync(Address, outside);
        await _state.RevokeAsync(RevocationKind.Platform, "00ff", "stolen", "alice", Cancellation);
        Assert.Single(await other.ListRevocationsAsync(Cancellation));
        Assert.Equal(other.RowHead, outside.Head);
        await ExecuteAsync("DELETE FROM Revocations; DELETE FROM RowChanges WHERE Seq = (SELECT MAX(Seq) FROM RowChanges)");
        Assert.Contains("went back", (await NotAuthenticAsync(() => other.RevocationRevisionAsync(Cancellation))).Message, StringComparison.Ordinal);

        // Another change in the place of the one that is gone makes no difference.
        await using SqlBrokerState unaware = await OpenAsync(Address);
        await unaware.RevokeAsync(RevocationKind.Platform, "11ff", "stolen", "alice", Cancellation);
        await NotAuthenticAsync(() => other.ListRevocationsAsync(Cancellation));
        await NotAuthenticAsync(() => OpenAsync(Address, outside));

        RowAcceptance seen = await unaware.CompareRowsAsync(NewKey(), outside, Cancellation);
        Assert.Contains("went back", Assert.Single(seen.Lines), StringComparison.Ordinal);
        await unaware.AcceptRowsAsync(NewKey(), outside, seen.Digest, Cancellation);
        await using SqlBrokerState accepted = await OpenAsync(Address, outside);
        Assert.Equal("11ff", Assert.Single(await accepted.ListRevocationsAsync(Cancellation)).Value);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("DELETE FROM RowChanges WHERE Seq = 2", true)]
    public async Task An_operator_accepts_exactly_what_he_saw(string sql, bool breaksChain)
    {
        await MakeKekAsync("main");
        await _state.SetPolicyAsync("p", "one", "alice", Cancellation);
        await _state.RevokeAsync(RevocationKind.Platform, "00ff", "", "alice", Cancellation);
        await ExecuteAsync("UPDATE Policies SET Yaml = 'mine'; UPDATE Keks SET Policy = 'other'; DELETE FROM Revocations");
        if (breaksChain)
            await ExecuteAsync(sql);
        RowAcceptance seen = await _state.CompareRowsAsync(NewKey(), null, Cancellation);
        Assert.Equal(breaksChain, seen.ChainIsBroken);
        Assert.Contains(seen.Lines, line => line.Contains("table Keks, row main,", StringComparison.Ordinal));

        await ExecuteAsync("UPDATE Policies SET Yaml = 'mine too'");
        Assert.Equal(BrokerStateError.Refused, (await Assert.ThrowsAsync<BrokerStateException>(() => _state.AcceptRowsAsync(NewKey(), null, seen.Digest, Cancellation))).Error);
        await _state.AcceptRowsAsync(NewKey(), null, (await _state.CompareRowsAsync(NewKey(), null, Cancellation)).Digest, Cancellation);

        await using SqlBrokerState other = await OpenAsync(Address);
        Assert.Empty((await other.CompareRowsAsync(NewKey(), null, Cancellation)).Lines);
        Assert.Equal("mine too", (await other.FindPolicyAsync("p", Cancellation))!.Yaml);
        Assert.Equal("other", (await other.FindKekAsync("main", Cancellation))!.Record.Policy);
        Assert.Empty(await other.ListRevocationsAsync(Cancellation));
        Assert.Contains(await other.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation), entry => entry.Kind == "rows.accepted");
    }

    [Fact]
    public async Task Rows_of_before_are_taken_over_once_and_logged()
    {
        string address = await CreateDatabaseAsync();
        await using (Dialect dialect = Dialect.For(DatabaseAddress.Parse(address)))
        {
            await dialect.PrepareAsync(Cancellation);
            await Migrator.MigrateAsync(dialect, 7, Cancellation);
            await using DbConnection connection = await dialect.ConnectAsync(Cancellation);
            await connection.ExecuteAsync(
                """
                INSERT INTO Policies (Name, Version, Yaml, Digest, UpdatedAt, UpdatedBy) VALUES ('p', 1, 'one', 'd1', 1, 'alice'), ('p', 2, 'two', 'd2', 2, 'alice');
                INSERT INTO Keks (Name, Cluster, Store, Policy, Releasable, CreatedAt, NextVersion, Revision) VALUES ('main', 'c1', 'database', 'p', 1, 1, 2, 2);
                INSERT INTO KekVersions (Name, Version, Generation, State, CreatedAt, ActiveAt) VALUES ('main', 1, 'g', 'enabled', 1, 1);
                INSERT INTO Revocations (Kind, Value, Reason, RevokedAt, RevokedBy) VALUES ('platform', '00ff', 'stolen', 1, 'alice');
                UPDATE Counters SET Value = 7 WHERE Name = 'revocations'
                """);
        }
        await using (SqlBrokerState state = await OpenAsync(address))
        {
            Assert.Equal("two", (await state.FindPolicyAsync("p", Cancellation))!.Yaml);
            Assert.Equal(2, (await state.ListPolicyVersionsAsync("p", Cancellation)).Count);
            Assert.Equal("p", (await state.FindKekAsync("main", Cancellation))!.Record.Policy);
            Assert.Equal("stolen", Assert.Single(await state.ListRevocationsAsync(Cancellation)).Reason);
            Assert.Equal(0, await state.CheckRowsAsync(Cancellation));
            Assert.Contains("table Keks, row main", Assert.Single(
                await state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation), entry => entry.Kind == "rows.adopted").Details, StringComparison.Ordinal);
            await state.SetKekPolicyAsync("main", "q", Cancellation);
        }
        await using SqlBrokerState again = await OpenAsync(address);
        Assert.Equal("q", (await again.FindKekAsync("main", Cancellation))!.Record.Policy);
        Assert.Single(await again.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation), entry => entry.Kind == "rows.adopted");
    }

    [Fact]
    public async Task Rows_of_a_database_without_an_authority_are_not_taken_over()
    {
        await MakeKekAsync("main");
        await ExecuteAsync("DELETE FROM RowChanges");
        await using SqlBrokerState other = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(Address), _clock, Cancellation);
        await NotAuthenticAsync(() => other.AdoptRowsAsync(NewKey(), false, Cancellation));
    }

    [Fact]
    public async Task Brokers_that_change_at_once_and_read_meanwhile_agree()
    {
        await MakeKekAsync("main");
        await using SqlBrokerState other = await OpenAsync(Address);
        Task[] work =
        [
            .. Enumerable.Range(0, 40).Select(i => Task.Run(() => (i % 2 == 0 ? _state : other).SetKekPolicyAsync("main", $"p{i}", Cancellation))),
            .. Enumerable.Range(0, 20).Select(i => Task.Run(() => (i % 2 == 0 ? _state : other).SetPolicyAsync("p", $"text {i}", "alice", Cancellation))),
            .. Enumerable.Range(0, 40).Select(i => Task.Run(async () =>
            {
                Assert.NotNull(await (i % 2 == 0 ? other : _state).FindKekAsync("main", Cancellation));
                Assert.Single(await (i % 2 == 0 ? other : _state).ListKeksAsync(null, Cancellation));
            })),
        ];
        await Task.WhenAll(work);
        Assert.Equal(20, (await other.ListPolicyVersionsAsync("p", Cancellation)).Count);
        Assert.Equal((await other.FindKekAsync("main", Cancellation))!.Etag, (await _state.FindKekAsync("main", Cancellation))!.Etag);
        Assert.Equal(0, await _state.CheckRowsAsync(Cancellation));
        Assert.Empty(_reports);
    }

    private async Task MakeKekAsync(string name)
    {
        await _state.CreateKekAsync(NewKek(name), _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.AddVersionAsync(name, _clock.GetUtcNow(), NoKey, Cancellation);
        await _state.SetKekPolicyAsync(name, "p", Cancellation);
        await _state.RaiseHighestActiveAsync(name, 2, Cancellation);
    }

    private static async Task<BrokerStateException> NotAuthenticAsync(Func<Task> act)
    {
        BrokerStateException e = await Assert.ThrowsAsync<BrokerStateException>(act);
        Assert.Equal(BrokerStateError.NotAuthentic, e.Error);
        return e;
    }

    private sealed class HeadInMemory : IRowHeadStore
    {
        public RowHead? Head { get; private set; }

        public RowHead? Read() => Head;

        public void Write(RowHead head) => Head = head;
    }
}
