using System.Numerics;

namespace Cloister.Audit;

/// <summary>Consistency proofs of RFC 6962, section 2.1.2: that a tree begins with all that a smaller one had. secrets: none.</summary>
public static class MerkleProof
{
    /// <summary>Proves that a tree extends the one of an edge.</summary>
    /// <param name="edge">Of the smaller tree.</param>
    /// <param name="added">What was appended since, leaves' data in order.</param>
    /// <returns>PROOF(m, D[n]); empty when nothing was appended, and for a tree of nothing.</returns>
    public static IReadOnlyList<byte[]> Consistency(MerkleEdge edge, IEnumerable<byte[]> added)
    {
        byte[][] leaves = [.. added.Select(data => MerkleEdge.LeafHash(data))];
        List<byte[]> proof = [];
        if (edge.Size > 0 && leaves.Length > 0)
            Prove(edge, leaves, 0, edge.Size + leaves.Length, true, proof);
        return proof;
    }

    /// <summary>Checks a proof: RFC 9162, section 2.1.4.2.</summary>
    /// <param name="first">The smaller tree.</param>
    /// <param name="second">The larger tree.</param>
    /// <param name="proof">The hashes.</param>
    public static bool Verify(AuditHead first, AuditHead second, IReadOnlyList<byte[]> proof)
    {
        if (first.Size > second.Size || first.Size < 0)
            return false;
        if (first.Size == second.Size || first.Size == 0)
            return proof.Count == 0 && (first.Size == 0 ? first == AuditHead.Empty : first == second);
        IReadOnlyList<byte[]> path = BitOperations.IsPow2(first.Size) ? [first.Root, .. proof] : proof;
        if (path.Count == 0)
            return false;
        long fn = first.Size - 1, sn = second.Size - 1;
        for (; (fn & 1) == 1; fn >>= 1)
            sn >>= 1;
        byte[] old = path[0], now = path[0];
        foreach (byte[] hash in path.Skip(1))
        {
            if (sn == 0)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                (old, now) = (MerkleEdge.NodeHash(hash, old), MerkleEdge.NodeHash(hash, now));
                for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                    sn >>= 1;
            }
            else
            {
                now = MerkleEdge.NodeHash(now, hash);
            }

            fn >>= 1;
            sn >>= 1;
        }

        return sn == 0 && new AuditHead(first.Size, old) == first && new AuditHead(second.Size, now) == second;
    }

    // SUBPROOF over the leaves from start to end. What lies before the smaller tree's end is a hash of its edge; what lies after it is made of what was added.
    private static void Prove(MerkleEdge edge, byte[][] added, long start, long end, bool whole, List<byte[]> proof)
    {
        if (edge.Size == end)
        {
            if (!whole)
                proof.Add(OfEdge(edge, start));
            return;
        }

        long middle = start + Split(end - start);
        if (edge.Size <= middle)
        {
            Prove(edge, added, start, middle, whole, proof);
            proof.Add(OfAdded(added.AsSpan(checked((int)(middle - edge.Size)), checked((int)(end - middle)))));
        }
        else
        {
            Prove(edge, added, middle, end, false, proof);
            proof.Add(OfEdge(edge, start));
        }
    }

    private static byte[] OfEdge(MerkleEdge edge, long start)
    {
        long at = 0, rest = edge.Size;
        foreach (byte[] hash in edge.Hashes)
        {
            if (at == start)
                return hash;
            long size = 1L << BitOperations.Log2((ulong)rest);
            (at, rest) = (at + size, rest - size);
        }

        throw new InvalidOperationException("the edge has no tree there");
    }

    private static byte[] OfAdded(ReadOnlySpan<byte[]> leaves)
    {
        if (leaves.Length == 1)
            return leaves[0];
        int middle = (int)Split(leaves.Length);
        return MerkleEdge.NodeHash(OfAdded(leaves[..middle]), OfAdded(leaves[middle..]));
    }

    // The largest power of two below a number.
    private static long Split(long count) => 1L << BitOperations.Log2((ulong)(count - 1));
}
