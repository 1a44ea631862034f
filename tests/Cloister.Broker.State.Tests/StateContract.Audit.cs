using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    private const string Origin = "cloister.dev/audit/test";

    private readonly CheckpointSigner _signer = new(Origin, new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));

    [Fact]
    public async Task Two_brokers_keep_one_chain()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        AuditEntry[] entries = await Task.WhenAll(Enumerable.Range(0, 600).Select(i => Task.Run(() => (i % 2 == 0 ? _state : other).AppendAsync(Event(i), Cancellation))));
        Assert.Equal(Enumerable.Range(1, 600).Select(seq => (long)seq), entries.Select(entry => entry.Seq).Order());
        AuditCheckpoint checkpoint = (await other.CheckpointAsync(_signer.Sign, Cancellation))!;
        Assert.Equal(600, checkpoint.Size);
        Assert.Equal(checkpoint.Note.ToString(), (await _state.CheckpointAsync(_signer.Sign, Cancellation))!.Note.ToString());
        AuditVerdict verdict = AuditVerifier.Verify(await ExportedAsync(), await _state.ListCheckpointsAsync(Cancellation), _signer.Key);
        Assert.Equal((null, 600, 600), (verdict.Problem, verdict.LastSeq, verdict.LastCheckpointSeq));
        Assert.Equal(checkpoint.Head, verdict.Head);
        Assert.Equal(verdict.Head, _state.Head);
    }

    [Fact]
    public async Task Checkpoints_are_signed_by_themselves()
    {
        Assert.Null(await _state.CheckpointAsync(_signer.Sign, Cancellation));
        _state.SignCheckpoints(_signer.Sign, 10);
        for (int i = 0; i < 35; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        await _state.DisposeAsync(); // waits for one that is being signed
        _state = await OpenAsync(Address);
        IReadOnlyList<AuditCheckpoint> checkpoints = await _state.ListCheckpointsAsync(Cancellation);
        Assert.InRange(checkpoints.Count, 1, 3);
        Assert.InRange(checkpoints[0].Size, 10, 35);
        Assert.True(AuditVerifier.Verify(await ExportedAsync(), checkpoints, _signer.Key).IsGood);
    }

    [Fact]
    public async Task An_exported_log_is_checked_without_a_database()
    {
        for (int i = 0; i < 5; i++)
            await _state.AppendAsync(new AuditEvent("lease.refused", new JsonObject { ["why"] = "é\u0000\"\u2028", ["n"] = i }), Cancellation);
        await _state.CheckpointAsync(_signer.Sign, Cancellation);
        await _state.AppendAsync(Event(6), Cancellation);
        string[] lines = await ExportAsync(1);
        Assert.Equal(8, lines.Length);
        Assert.Equal((null, 6, 5), Verify(lines, 1));
        lines[3] = lines[3].Replace("lease.refused", "lease.renewed", StringComparison.Ordinal);
        Assert.Equal(3, AuditLines.Verify(lines, Pin, 1).FirstBadSeq);
        lines[1] = "{}";
        Assert.Contains("line 2", Assert.Throws<FormatException>(() => AuditLines.Verify(lines, Pin, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_a_log_names_who_signed_it_and_is_checked_from_its_first_entry()
    {
        for (int i = 0; i < 3; i++)
        {
            await _state.AppendAsync(Event(i), Cancellation);
            await _state.CheckpointAsync(_signer.Sign, Cancellation);
        }

        string[] lines = await ExportAsync(2);

        Assert.Equal(6, lines.Length); // authority, edge, two entries, two checkpoints
        Assert.Equal((null, 3, 3), Verify(lines, 2));
        Assert.Equal(1, AuditLines.Verify(lines, Pin, 1).FirstBadSeq);
        Assert.Equal(2, AuditLines.Verify([lines[0], .. lines[2..]], Pin, 2).FirstBadSeq); // no edge
        Assert.Equal(3, AuditLines.Verify([.. lines[..4], .. lines[5..]], Pin, 2).FirstBadSeq);
        Assert.Throws<FormatException>(() => AuditLines.Verify(lines, "sha256:" + Convert.ToBase64String(new byte[32]), 2));
        Assert.Throws<FormatException>(() => AuditLines.Verify(lines[1..], Pin, 2));
    }

    [Fact]
    public async Task An_authority_that_did_not_sign_the_key_of_checkpoints_is_found()
    {
        await _state.AppendAsync(Event(1), Cancellation);
        string[] lines = await ExportAsync(1);
        using CheckpointSigner stranger = new(Origin, new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));
        lines[0] = AuditLines.Write(new AuditLine(Authority: AuditLines.Parse(lines[0], 1).Authority! with { CheckpointKey = stranger.Key.ToString() }));
        Assert.Contains("did not sign", Assert.Throws<FormatException>(() => AuditLines.Verify(lines, Pin, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_export_extends_an_earlier_one_and_no_other()
    {
        for (int i = 0; i < 5; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        AuditClaim old = new(AuditLines.Verify(await ExportAsync(1), Pin, 1).Head, "the earlier export");
        for (int i = 5; i < 9; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        Assert.True(AuditLines.Verify(await ExportAsync(1), Pin, 1, claims: [old]).IsGood);
        Assert.True(AuditLines.Verify(await ExportAsync(4), Pin, 4, claims: [old]).IsGood);
        Assert.True(AuditLines.Verify(await ExportAsync(6), Pin, 6, claims: [old]).IsGood);
        Assert.False(AuditLines.Verify(await ExportAsync(7), Pin, 7, claims: [old]).IsGood); // it begins after the earlier one ended
        await ExecuteAsync("DELETE FROM AuditEntries WHERE Seq > 4");
        Assert.Contains("ends before", AuditLines.Verify(await ExportAsync(1), Pin, 1, claims: [old]).Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DELETE FROM AuditEntries WHERE Seq > 3")]
    [InlineData("DELETE FROM AuditEntries")]
    [InlineData("UPDATE AuditEntries SET Hash = Previous WHERE Seq = 5")]
    [InlineData("UPDATE AuditEntries SET Seq = 7 WHERE Seq = 5")]
    public async Task A_log_that_does_not_go_on_from_what_was_seen_is_not_written_to_and_not_signed(string change)
    {
        for (int i = 0; i < 5; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        await _state.CheckAsync(Cancellation);
        await ExecuteAsync(change);
        foreach (Func<Task> act in new Func<Task>[] { () => _state.AppendAsync(Event(9), Cancellation), () => _state.CheckpointAsync(_signer.Sign, Cancellation), () => _state.CheckAsync(Cancellation) })
            Assert.Equal(BrokerStateError.AuditConflict, (await Assert.ThrowsAsync<BrokerStateException>(act)).Error);
        Assert.Empty(await _state.ListCheckpointsAsync(Cancellation));

        AuditTree accepted = await _state.AcceptAsync(Cancellation).ContinueWith(task => task.IsFaulted ? null! : task.Result, TaskScheduler.Default);
        if (accepted is not null)
            await _state.AppendAsync(Event(9), Cancellation); // taken for what it is
    }

    [Fact]
    public async Task What_is_remembered_outlives_the_process_and_the_database()
    {
        AuditTree? remembered = null;
        _state.SignCheckpoints(_signer.Sign, 1000, (_, tree) => remembered = tree);
        for (int i = 0; i < 5; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        await _state.CheckpointAsync(_signer.Sign, Cancellation);
        remembered = RememberedHead.Parse(RememberedHead.Of(Origin, remembered!).ToText()).Tree();
        await _state.AppendAsync(Event(5), Cancellation);
        await _state.DisposeAsync();

        _state = await OpenAsync(Address);
        await _state.ContinueAsync(remembered, Cancellation);
        Assert.Equal(6, _state.Head!.Size);
        await _state.DisposeAsync();
        await ExecuteAsync("DELETE FROM AuditCheckpoints");
        await ExecuteAsync("DELETE FROM AuditEntries WHERE Seq > 4");

        _state = await OpenAsync(Address);
        var refused = await Assert.ThrowsAsync<BrokerStateException>(() => _state.ContinueAsync(remembered, Cancellation));
        Assert.Equal(BrokerStateError.AuditConflict, refused.Error);
    }

    [Fact]
    public async Task Proofs_of_consistency_hold_between_all_sizes()
    {
        List<AuditHead> heads = [AuditHead.Empty];
        for (int i = 0; i < 21; i++)
        {
            await _state.AppendAsync(Event(i), Cancellation);
            heads.Add(_state.Head!);
            if (i % 5 == 3)
                await _state.CheckpointAsync(_signer.Sign, Cancellation);
        }

        foreach (AuditHead first in heads)
        {
            foreach (AuditHead second in heads.Where(head => head.Size >= first.Size))
            {
                IReadOnlyList<byte[]> proof = await _state.ProveAsync(first.Size, second.Size, Cancellation);
                Assert.True(MerkleProof.Verify(first, second, proof), $"{first.Size} to {second.Size}");
                Assert.True(first.Size == 0 || first == second || !MerkleProof.Verify(first with { Root = SHA256.HashData(first.Root) }, second, proof));
            }
        }
    }

    [Fact]
    public async Task Pruned_entries_stay_in_the_tree()
    {
        DateTimeOffset early = _clock.GetUtcNow();
        for (int i = 0; i < 600; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        AuditVerdict whole = AuditLines.Verify(await ExportAsync(1), Pin, 1);
        _clock.Advance(TimeSpan.FromDays(2));
        await _state.AppendAsync(Event(600), Cancellation);
        Assert.Equal(0, await _state.PruneAuditAsync(early.AddDays(1), Pruned, Cancellation)); // nothing vouches for them yet
        await _state.CheckpointAsync(_signer.Sign, Cancellation);
        Assert.Equal(0, await _state.PruneAuditAsync(early, Pruned, Cancellation));
        Assert.Equal(512, await _state.PruneAuditAsync(early.AddDays(1), Pruned, Cancellation));
        Assert.Equal(0, await _state.PruneAuditAsync(early.AddDays(1), Pruned, Cancellation));

        string[] lines = await ExportAsync(1);
        AuditVerdict verdict = AuditLines.Verify(lines, Pin, 1, claims: [new AuditClaim(whole.Head, "the export from before")]);
        Assert.Equal((null, 602, 601, 512), (verdict.Problem, verdict.LastSeq, verdict.LastCheckpointSeq, verdict.PrunedTo));
        AuditVerdict part = AuditLines.Verify(await ExportAsync(300), Pin, 300);
        Assert.Equal((null, 602), (part.Problem, part.LastSeq));
        Assert.Equal(90, (await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation)).Count);
        Assert.True(MerkleProof.Verify(whole.Head, verdict.Head, await _state.ProveAsync(600, 602, Cancellation)));

        // A hole that nobody says anything of.
        Assert.Contains(AuditVerifier.PrunedKind, AuditLines.Verify(lines[..^1], Pin, 1).Problem, StringComparison.Ordinal);
        static AuditEvent Pruned(long to) => new(AuditVerifier.PrunedKind, new JsonObject { ["to"] = to });
    }

    [Fact]
    public async Task Entries_from_before_there_was_a_tree_are_in_it()
    {
        string address = await CreateDatabaseAsync();
        List<AuditEntry> before = [];
        await using (Dialect dialect = Dialect.For(DatabaseAddress.Parse(address)))
        {
            await dialect.PrepareAsync(Cancellation);
            await Migrator.MigrateAsync(dialect, 7, Cancellation);
            await using DbConnection connection = await dialect.ConnectAsync(Cancellation);
            byte[] previous = new byte[32];
            for (int seq = 1; seq <= 5; seq++)
            {
                before.Add(new AuditEntry(seq, 1000 + seq, "lease.granted", "{}", previous, previous = AuditEncoding.Hash(seq, 1000 + seq, "lease.granted", "{}", previous)));
                await connection.ExecuteAsync($"INSERT INTO AuditEntries ({AuditRow.Columns}) VALUES (@Seq, @Time, @Kind, @Details, @Previous, @Hash)", before[^1]);
            }

            await connection.ExecuteAsync("INSERT INTO AuditCheckpoints (Seq, Hash, SignedAt, Signature) VALUES (5, @previous, 1, @previous)", new { previous });
        }

        await using SqlBrokerState state = await OpenAsync(address);
        await state.AppendAsync(Event(6), Cancellation);
        await state.CheckpointAsync(_signer.Sign, Cancellation);
        var edge = new MerkleEdge();
        List<AuditEntry> after = await state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation);
        after.ForEach(entry => edge.Append(entry.Hash));
        Assert.Equal(before.Select(entry => Convert.ToHexString(entry.Hash)), after.Take(5).Select(entry => Convert.ToHexString(entry.Hash)));
        Assert.Equal(AuditHead.Of(edge), Assert.Single(await state.ListCheckpointsAsync(Cancellation)).Head);
    }

    [Fact]
    public async Task A_kind_is_a_plain_word()
    {
        foreach (string kind in new[] { "", "Bad", "a b", new string('a', 65) })
            await Assert.ThrowsAsync<ArgumentException>(() => _state.AppendAsync(new AuditEvent(kind, []), Cancellation));
    }

    [Fact]
    public async Task A_killed_process_loses_no_acknowledged_entry()
    {
        List<(long Seq, string Hash)> acknowledged = await AppendingProcess.RunAndKillAsync(Address, 300, Cancellation);
        Assert.True(acknowledged.Count >= 300);
        List<AuditEntry> entries = await ReadAsync();
        foreach ((long seq, string hash) in acknowledged)
            Assert.Equal(hash, Convert.ToHexStringLower(entries[(int)seq - 1].Hash));
        Assert.True(AuditVerifier.Verify(await ExportedAsync(), [], _signer.Key).IsGood);
        Assert.Equal(entries.Count + 1, (await _state.AppendAsync(Event(0), Cancellation)).Seq);
    }

    private static AuditEvent Event(int number) => new("test.event", new JsonObject { ["number"] = number });

    private readonly ECDsa _authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private string Pin => "sha256:" + Convert.ToBase64String(SHA256.HashData(_authority.ExportSubjectPublicKeyInfo()));

    private (string? Problem, long Last, long Signed) Verify(string[] lines, long first)
    {
        AuditVerdict verdict = AuditLines.Verify(lines, Pin, first);
        return (verdict.Problem, verdict.LastSeq, verdict.LastCheckpointSeq);
    }

    private async Task<string[]> ExportAsync(long from)
    {
        string key = _signer.Key.ToString();
        AuditAuthority authority = new(_authority.ExportSubjectPublicKeyInfo(), key, _authority.SignData(AuditEncoding.CheckpointKeyMessage(key), HashAlgorithmName.SHA256));
        using var text = new StringWriter();
        await AuditExport.WriteAsync(_state, text, authority, from, Cancellation);
        return text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private async Task<List<AuditLine>> ExportedAsync() => await _state.ExportAuditAsync(1, Cancellation).ToListAsync(Cancellation);

    private async Task<List<AuditEntry>> ReadAsync() => await _state.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation);
}
