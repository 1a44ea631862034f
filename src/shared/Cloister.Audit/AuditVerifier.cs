using System.Security.Cryptography;

namespace Cloister.Audit;

/// <summary>
/// Checks an audit log: each entry's hash, its place in the chain, and each checkpoint. Finds entries that were removed, changed or moved,
/// and a log that ends before a checkpoint. Entries after the last checkpoint can be cut off, and a log without checkpoints rewritten,
/// unnoticed: keep checkpoints elsewhere. secrets: none.
/// </summary>
public static class AuditVerifier
{
    /// <summary>Checks a whole log, or one from an entry on.</summary>
    /// <param name="entries">From the first, in order.</param>
    /// <param name="checkpoints">All, in any order, from the log or kept elsewhere.</param>
    /// <param name="publicKey">Of who signed the checkpoints: ECDSA P-256.</param>
    /// <param name="first">Number of the first entry; what came before entry <c>first</c> is not checked.</param>
    public static AuditVerdict Verify(IEnumerable<AuditEntry> entries, IEnumerable<AuditCheckpoint> checkpoints, ECDsa publicKey, long first = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(first, 1);
        List<AuditCheckpoint> claims = [.. checkpoints.OrderBy(checkpoint => checkpoint.Seq)];
        int next = 0;
        long last = first - 1, vouched = 0;
        byte[] previous = new byte[AuditEncoding.HashSize];
        if (claims.Count > 0 && claims[0].Seq < first)
            return Bad(first, "a checkpoint names no entry of the log");
        foreach (AuditEntry entry in entries)
        {
            if (entry.Seq != last + 1)
                return Bad(last + 1, $"the entry is missing or out of order: {entry.Seq} stands in its place");
            if ((entry.Seq > first || first == 1) && !previous.AsSpan().SequenceEqual(entry.Previous))
                return Bad(entry.Seq, "the entry does not follow its predecessor");
            if (entry.Hash.Length != AuditEncoding.HashSize || !HashOf(entry).AsSpan().SequenceEqual(entry.Hash))
                return Bad(entry.Seq, "the entry was changed");
            for (; next < claims.Count && claims[next].Seq == entry.Seq; next++)
            {
                if (!IsSigned(claims[next], publicKey))
                    return Bad(entry.Seq, "the checkpoint's signature is not authentic");
                if (!entry.Hash.AsSpan().SequenceEqual(claims[next].Hash))
                    return Bad(entry.Seq, "the checkpoint contradicts the entry: it, or one before it, was changed");
                vouched = entry.Seq;
            }
            previous = entry.Hash;
            last = entry.Seq;
        }
        return next < claims.Count
            ? Bad(last + 1, $"the log ends before the checkpoint of entry {claims[next].Seq}")
            : new AuditVerdict(null, null, last, vouched);

        AuditVerdict Bad(long seq, string problem) => new(seq, problem, last, vouched);
    }

    private static byte[] HashOf(AuditEntry entry)
    {
        try
        {
            return AuditEncoding.Hash(entry.Seq, entry.Time, entry.Kind, entry.Details, entry.Previous);
        }
        catch (ArgumentException)
        {
            return new byte[AuditEncoding.HashSize + 1]; // not Unicode: equals no hash
        }
    }

    private static bool IsSigned(AuditCheckpoint checkpoint, ECDsa publicKey) =>
        checkpoint.Hash.Length == AuditEncoding.HashSize
        && publicKey.KeySize == 256
        && publicKey.VerifyData(
            AuditEncoding.CheckpointMessage(checkpoint.Seq, checkpoint.Hash, checkpoint.Time), checkpoint.Signature, HashAlgorithmName.SHA256);
}
