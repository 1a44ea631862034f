using System.Security.Cryptography;
using System.Text;
using Cloister.Audit;

namespace Cloister.Broker.State.Tests;

public sealed class AuditVerifierTests
{
    private static readonly CheckpointSigner Key = new("cloister.dev/audit/test", new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));
    private static readonly CheckpointSigner Stranger = new("cloister.dev/audit/test", new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));

    // Ten entries, checkpoints of 4 and 8.
    private readonly List<AuditEntry> _entries = Chain(10, "{}");
    private readonly List<AuditCheckpoint> _checkpoints;

    public AuditVerifierTests() => _checkpoints = [Checkpoint(_entries, 4, Key), Checkpoint(_entries, 8, Key)];

    [Fact]
    public void A_whole_log_is_good() => Assert.Equal((null, 10, 8), Told(Verify()));

    [Fact]
    public void An_empty_log_is_good() => Assert.Equal((null, 0, 0), Told(AuditVerifier.Verify([], [], Key.Key)));

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    public void A_removed_entry_is_found(int seq)
    {
        _entries.RemoveAt(seq - 1);
        Assert.Equal(seq, Verify().FirstBadSeq);
    }

    public static TheoryData<string, int> Changes()
    {
        var data = new TheoryData<string, int>();
        foreach (string what in new[] { "time", "kind", "details", "previous", "hash", "short hash", "not Unicode" })
        {
            foreach (int seq in new[] { 1, 4, 10 })
                data.Add(what, seq);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_changed_entry_is_found(string what, int seq)
    {
        AuditEntry entry = _entries[seq - 1];
        _entries[seq - 1] = what switch
        {
            "time" => entry with { Time = entry.Time + 1 },
            "kind" => entry with { Kind = "other" },
            "details" => entry with { Details = "{ }" },
            "previous" => entry with { Previous = new byte[33] },
            "hash" => entry with { Hash = SHA256.HashData(entry.Hash) },
            "short hash" => entry with { Hash = [] },
            _ => entry with { Details = "\ud800" },
        };
        Assert.Equal(seq, Verify().FirstBadSeq);
    }

    [Fact]
    public void Reordered_entries_are_found()
    {
        (_entries[4], _entries[5]) = (_entries[5], _entries[4]);
        Assert.Equal(5, Verify().FirstBadSeq);
    }

    [Fact]
    public void A_repeated_entry_is_found()
    {
        _entries.Insert(5, _entries[4]);
        Assert.Equal(6, Verify().FirstBadSeq);
    }

    [Fact]
    public void A_log_cut_off_before_a_checkpoint_is_found()
    {
        _entries.RemoveRange(6, 4);
        Assert.Equal(7, Verify().FirstBadSeq);
        _entries.Clear();
        Assert.Equal(1, Verify().FirstBadSeq);
    }

    [Fact]
    public void Entries_after_the_last_checkpoint_are_not_vouched_for()
    {
        _entries.RemoveRange(8, 2);
        Assert.Equal((null, 8, 8), Told(Verify()));
    }

    [Fact]
    public void A_rewritten_log_contradicts_its_checkpoint()
    {
        List<AuditEntry> rewritten = Chain(10, "{\"innocent\":true}");
        Assert.Equal(4, AuditVerifier.Verify(Lines(rewritten), _checkpoints, Key.Key).FirstBadSeq);
        Assert.Equal(4, AuditVerifier.Verify(Lines(rewritten), [Checkpoint(rewritten, 4, Stranger)], Key.Key).FirstBadSeq);
    }

    [Fact]
    public void A_forged_checkpoint_is_found()
    {
        _checkpoints[1] = _checkpoints[1] with { Note = _checkpoints[1].Note with { Text = _checkpoints[1].Note.Text + "more\n" } };
        Assert.Equal(8, Verify().FirstBadSeq);
        _checkpoints[1] = Checkpoint(_entries, 8, Stranger);
        Assert.Equal(8, Verify().FirstBadSeq);
        _checkpoints[1] = Key.Sign(new AuditHead(8, _checkpoints[0].Head.Root));
        Assert.Equal(8, Verify().FirstBadSeq);
        _checkpoints[1] = Key.Sign(new AuditHead(0, _checkpoints[0].Head.Root));
        Assert.Equal(1, Verify().FirstBadSeq);
    }

    [Fact]
    public void A_checkpoint_of_another_log_is_found()
    {
        using CheckpointSigner other = new("cloister.dev/audit/other", new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));
        _checkpoints[1] = Checkpoint(_entries, 8, other);
        Assert.Equal(8, AuditVerifier.Verify(Lines(_entries), _checkpoints, Key.Key).FirstBadSeq);
    }

    // The specification, spelled out by hand.
    [Fact]
    public void The_encoding_is_as_documented()
    {
        byte[] input =
        [
            .. Encoding.ASCII.GetBytes("cloister-audit-v1"), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2,
            0, 0, 0, 1, (byte)'k', 0, 0, 0, 2, (byte)'{', (byte)'}', .. new byte[32],
        ];
        Assert.Equal(SHA256.HashData(input), AuditEncoding.Hash(1, 258, "k", "{}", new byte[32]));
    }

    private AuditVerdict Verify() => AuditVerifier.Verify(Lines(_entries), _checkpoints, Key.Key);

    private static IEnumerable<AuditLine> Lines(List<AuditEntry> entries) => entries.Select(entry => new AuditLine(Entry: entry));

    private static (string? Problem, long Last, long Signed) Told(AuditVerdict verdict) => (verdict.Problem, verdict.LastSeq, verdict.LastCheckpointSeq);

    private static List<AuditEntry> Chain(int count, string details)
    {
        var entries = new List<AuditEntry>();
        byte[] previous = new byte[32];
        for (int seq = 1; seq <= count; seq++)
        {
            byte[] hash = AuditEncoding.Hash(seq, 1000 + seq, "kind", details, previous);
            entries.Add(new AuditEntry(seq, 1000 + seq, "kind", details, previous, hash));
            previous = hash;
        }
        return entries;
    }

    private static AuditCheckpoint Checkpoint(List<AuditEntry> entries, int size, CheckpointSigner key)
    {
        var edge = new MerkleEdge();
        entries.Take(size).ToList().ForEach(entry => edge.Append(entry.Hash));
        return key.Sign(AuditHead.Of(edge));
    }
}
