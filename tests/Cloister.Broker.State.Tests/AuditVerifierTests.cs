using System.Security.Cryptography;
using System.Text;
using Cloister.Audit;

namespace Cloister.Broker.State.Tests;

public sealed class AuditVerifierTests
{
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa Stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    // Ten entries, checkpoints of 4 and 8.
    private readonly List<AuditEntry> _entries = Chain(10, "{}");
    private readonly List<AuditCheckpoint> _checkpoints;

    public AuditVerifierTests() => _checkpoints = [Checkpoint(_entries[3], Key), Checkpoint(_entries[7], Key)];

    [Fact]
    public void A_whole_log_is_good() => Assert.Equal(new AuditVerdict(null, null, 10, 8), Verify());

    [Fact]
    public void An_empty_log_is_good() => Assert.Equal(new AuditVerdict(null, null, 0, 0), AuditVerifier.Verify([], [], Key));

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
        Assert.Equal(new AuditVerdict(null, null, 8, 8), Verify());
    }

    [Fact]
    public void A_rewritten_log_contradicts_its_checkpoint()
    {
        List<AuditEntry> rewritten = Chain(10, "{\"innocent\":true}");
        Assert.Equal(4, AuditVerifier.Verify(rewritten, _checkpoints, Key).FirstBadSeq);
        Assert.Equal(4, AuditVerifier.Verify(rewritten, [Checkpoint(rewritten[3], Stranger)], Key).FirstBadSeq);
    }

    [Fact]
    public void A_forged_checkpoint_is_found()
    {
        _checkpoints[1] = _checkpoints[1] with { Time = _checkpoints[1].Time + 1 };
        Assert.Equal(8, Verify().FirstBadSeq);
        _checkpoints[1] = _checkpoints[1] with { Signature = [] };
        Assert.Equal(8, Verify().FirstBadSeq);
        _checkpoints[1] = _checkpoints[0] with { Seq = 5, Hash = _entries[4].Hash };
        Assert.Equal(5, Verify().FirstBadSeq);
        _checkpoints[1] = _checkpoints[0] with { Seq = 0 };
        Assert.Equal(1, Verify().FirstBadSeq);
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

    private AuditVerdict Verify() => AuditVerifier.Verify(_entries, _checkpoints, Key);

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

    private static AuditCheckpoint Checkpoint(AuditEntry entry, ECDsa key) =>
        new(entry.Seq, entry.Hash, 5000, key.SignData(AuditEncoding.CheckpointMessage(entry.Seq, entry.Hash, 5000), HashAlgorithmName.SHA256));
}
