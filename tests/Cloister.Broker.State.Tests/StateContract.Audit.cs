using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    private readonly ECDsa _auditKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    [Fact]
    public async Task Two_brokers_keep_one_chain()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        AuditEntry[] entries = await Task.WhenAll(Enumerable.Range(0, 600).Select(i => Task.Run(() => (i % 2 == 0 ? _state : other).AppendAsync(Event(i), Cancellation))));
        Assert.Equal(Enumerable.Range(1, 600).Select(seq => (long)seq), entries.Select(entry => entry.Seq).Order());
        AuditCheckpoint checkpoint = (await other.CheckpointAsync(Sign, Cancellation))!;
        Assert.Equal(600, checkpoint.Seq);
        Assert.Equal(checkpoint.Signature, (await _state.CheckpointAsync(Sign, Cancellation))!.Signature);
        AuditVerdict verdict = AuditVerifier.Verify(await ReadAsync(), await _state.ListCheckpointsAsync(Cancellation), _auditKey);
        Assert.Equal(new AuditVerdict(null, null, 600, 600), verdict);
    }

    [Fact]
    public async Task Checkpoints_are_signed_by_themselves()
    {
        Assert.Null(await _state.CheckpointAsync(Sign, Cancellation));
        _state.SignCheckpoints(Sign, 10);
        for (int i = 0; i < 35; i++)
            await _state.AppendAsync(Event(i), Cancellation);
        await _state.DisposeAsync(); // waits for one that is being signed
        _state = await OpenAsync(Address);
        IReadOnlyList<AuditCheckpoint> checkpoints = await _state.ListCheckpointsAsync(Cancellation);
        Assert.InRange(checkpoints.Count, 1, 3);
        Assert.InRange(checkpoints[0].Seq, 10, 35);
        Assert.True(AuditVerifier.Verify(await ReadAsync(), checkpoints, _auditKey).IsGood);
    }

    [Fact]
    public async Task An_exported_log_is_checked_without_a_database()
    {
        for (int i = 0; i < 5; i++)
            await _state.AppendAsync(new AuditEvent("lease.refused", new JsonObject { ["why"] = "é\u0000\"\u2028", ["n"] = i }), Cancellation);
        await _state.CheckpointAsync(Sign, Cancellation);
        await _state.AppendAsync(Event(6), Cancellation);
        using var text = new StringWriter();
        await AuditExport.WriteAsync(_state, text, null, 1, Cancellation);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(7, lines.Length);
        Assert.Equal(new AuditVerdict(null, null, 6, 5), AuditLines.Verify(lines, _auditKey));
        lines[2] = lines[2].Replace("lease.refused", "lease.renewed", StringComparison.Ordinal);
        Assert.Equal(3, AuditLines.Verify(lines, _auditKey).FirstBadSeq);
        lines[1] = "{}";
        Assert.Contains("line 2", Assert.Throws<FormatException>(() => AuditLines.Verify(lines, _auditKey)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_a_log_names_who_signed_it_and_is_checked_from_its_first_entry()
    {
        for (int i = 0; i < 3; i++)
        {
            await _state.AppendAsync(Event(i), Cancellation);
            await _state.CheckpointAsync(Sign, Cancellation);
        }

        byte[] key = _auditKey.ExportSubjectPublicKeyInfo();
        string pin = "sha256:" + Convert.ToBase64String(SHA256.HashData(key));
        using var text = new StringWriter();
        await AuditExport.WriteAsync(_state, text, new AuditAuthority(key), 2, Cancellation);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(5, lines.Length);
        Assert.Equal(new AuditVerdict(null, null, 3, 3), AuditLines.Verify(lines, pin, 2));
        Assert.Equal(1, AuditLines.Verify(lines, pin, 1).FirstBadSeq);
        Assert.Equal(3, AuditLines.Verify([.. lines[..3], .. lines[4..]], pin, 2).FirstBadSeq);
        Assert.Throws<FormatException>(() => AuditLines.Verify(lines, "sha256:" + Convert.ToBase64String(new byte[32]), 2));
        Assert.Throws<FormatException>(() => AuditLines.Verify(lines[1..], pin, 2));
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
        Assert.True(AuditVerifier.Verify(entries, [], _auditKey).IsGood);
        Assert.Equal(entries.Count + 1, (await _state.AppendAsync(Event(0), Cancellation)).Seq);
    }

    private static AuditEvent Event(int number) => new("test.event", new JsonObject { ["number"] = number });

    private byte[] Sign(ReadOnlySpan<byte> message) => _auditKey.SignData(message, HashAlgorithmName.SHA256);

    private async Task<List<AuditEntry>> ReadAsync()
    {
        var entries = new List<AuditEntry>();
        await foreach (AuditEntry entry in _state.ReadAuditAsync(1, Cancellation))
            entries.Add(entry);
        return entries;
    }
}
