using System.Text.Json;

namespace Cloister.Audit;

/// <summary>What a log has to have been at a size, and who says so.</summary>
/// <param name="Head">Size and root.</param>
/// <param name="Source">For the message.</param>
public sealed record AuditClaim(AuditHead Head, string Source);

/// <summary>
/// Checks an audit log: each entry's hash, its place in the chain, and the root of the tree at every size that something is known of. Finds entries that
/// were removed, changed or moved, and a log that ends before what is known of it. Entries after the last checkpoint can be cut off, and a log that
/// nothing is known of can be rewritten, unnoticed: keep checkpoints elsewhere. secrets: none.
/// </summary>
public sealed class AuditVerifier
{
    /// <summary>Kind of the entry that says up to where contents were deleted: <c>{"to":N}</c>.</summary>
    public const string PrunedKind = "audit.pruned";

    private readonly List<AuditClaim> _claims;
    private readonly long _first;
    private MerkleEdge? _edge;
    private byte[]? _previous;
    private int _claim;
    private long _pruned;
    private long _prunedSaid;
    private AuditVerdict? _bad;

    private AuditVerifier(IEnumerable<AuditClaim> claims, long first)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(first, 1);
        _claims = [.. claims.OrderBy(claim => claim.Head.Size)];
        _first = first;
        if (first == 1)
            (_edge, _previous) = (new MerkleEdge(), new byte[AuditEncoding.HashSize]);
    }

    private long Last => _edge?.Size ?? _first - 1;

    /// <summary>Checks a whole log, or one from an entry on.</summary>
    /// <param name="lines">Edge, entries and pruned entries, from the first, in order; other lines are passed over.</param>
    /// <param name="checkpoints">All, in any order, from the log or kept elsewhere.</param>
    /// <param name="key">Of who signs checkpoints.</param>
    /// <param name="first">Number of the first entry; what came before it is not looked at, but for its hash in the tree.</param>
    /// <param name="claims">What else is known of the log.</param>
    public static AuditVerdict Verify(
        IEnumerable<AuditLine> lines, IEnumerable<AuditCheckpoint> checkpoints, NoteKey key, long first = 1, IEnumerable<AuditClaim>? claims = null)
    {
        List<AuditCheckpoint> signed = [.. checkpoints];
        AuditVerifier verifier = new([.. signed.Select(one => new AuditClaim(one.Head, "its checkpoint")), .. claims ?? []], first);
        AuditVerdict verdict = signed.FirstOrDefault(one => one.Origin != key.Name || !one.Note.IsSignedBy(key)) is { } forged
            ? verifier.Bad(Math.Max(forged.Size, first), "the checkpoint's signature is not authentic")
            : verifier.Run(lines);
        return verdict with { LastCheckpointSeq = signed.Where(one => one.Size <= verdict.LastSeq).Select(one => one.Size).DefaultIfEmpty(0).Max() };
    }

    private AuditVerdict Run(IEnumerable<AuditLine> lines)
    {
        AtSize();
        foreach (AuditLine line in lines)
        {
            if (_bad is not null)
                return _bad;
            if (line.Edge is { } edge)
                Begin(edge);
            else if (line.Pruned is { } pruned)
                Add(pruned);
            else if (line.Entry is { } entry)
                Add(entry);
        }

        if (_bad is null && _claim < _claims.Count)
            Bad(Last + 1, $"the log ends before entry {_claims[_claim].Head.Size}, which {_claims[_claim].Source} covers");
        if (_bad is null && _pruned > _prunedSaid)
            Bad(_first, $"entries up to {_pruned} have no contents, and no entry {PrunedKind} says that a broker deleted them");
        return _bad ?? Verdict(null, null);
    }

    private void Begin(AuditEdge edge)
    {
        try
        {
            MerkleEdge read = new(edge.Size, edge.Hashes);
            if (_first == 1 ? edge.Size != 0 : _edge is not null || edge.Size != _first - 1)
                Bad(_first, $"the log begins at entry {edge.Size + 1}, and not at {_first}: --from names the first");
            else
                _edge = read;
        }
        catch (FormatException e)
        {
            Bad(_first, e.Message);
        }

        AtSize();
    }

    private void Add(PrunedEntries pruned)
    {
        if (pruned.Hashes.Length == 0 || pruned.Hashes.Length % AuditEncoding.HashSize != 0 || pruned.First != Last + 1 || _pruned != pruned.First - 1 && _pruned != 0)
        {
            Bad(Last + 1, "hashes of pruned entries are missing or out of order");
            return;
        }

        foreach (byte[] hash in pruned.Hashes.Chunk(AuditEncoding.HashSize))
        {
            if (_bad is not null)
                return;
            _pruned = Last + 1;
            Append(hash);
        }
    }

    private void Add(AuditEntry entry)
    {
        if (entry.Seq != Last + 1)
            Bad(Last + 1, $"the entry is missing or out of order: {entry.Seq} stands in its place");
        else if (_previous is not null && !_previous.AsSpan().SequenceEqual(entry.Previous))
            Bad(entry.Seq, "the entry does not follow its predecessor");
        else if (entry.Hash.Length != AuditEncoding.HashSize || !HashOf(entry).AsSpan().SequenceEqual(entry.Hash))
            Bad(entry.Seq, "the entry was changed");
        else if (_edge is null)
            Bad(entry.Seq, "a part of a log begins with the edge of the tree before it, and this one does not: export it again");
        else
            Append(entry.Hash);
        if (_bad is null && entry.Kind == PrunedKind)
            _prunedSaid = Math.Max(_prunedSaid, PrunedTo(entry.Details));
    }

    private void Append(byte[] hash)
    {
        _edge!.Append(hash);
        _previous = hash;
        AtSize();
    }

    // What is known of the log at the size that it has now.
    private void AtSize()
    {
        for (; _bad is null && _edge is not null && _claim < _claims.Count && _claims[_claim].Head.Size <= _edge.Size; _claim++)
        {
            if (_claims[_claim].Head.Size < _edge.Size)
                Bad(_first, $"what {_claims[_claim].Source} covers ends before the first entry here");
            else if (AuditHead.Of(_edge) != _claims[_claim].Head)
                Bad(Math.Max(_edge.Size, _first), $"{_claims[_claim].Source} contradicts the entry: it, or one before it, was changed");
        }
    }

    private AuditVerdict Bad(long seq, string problem) => _bad ??= Verdict(seq, problem) with { LastSeq = Math.Min(Last, seq - 1) };

    private AuditVerdict Verdict(long? seq, string? problem) =>
        new(seq, problem, Last, 0) { Head = _edge is null ? AuditHead.Empty : AuditHead.Of(_edge), PrunedTo = _pruned };

    private static long PrunedTo(string details)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(details);
            return json.RootElement.GetProperty("to").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return 0;
        }
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
}
