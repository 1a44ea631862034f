using System.Numerics;
using System.Security.Cryptography;

namespace Cloister.Audit;

/// <summary>
/// The right edge of a Merkle tree of RFC 6962 (SHA-256): the roots of the perfect trees that its leaves fall into, largest first. It has log n hashes, and
/// is all that it takes to add leaves and to know the root. Not thread-safe. secrets: none.
/// </summary>
public sealed class MerkleEdge
{
    private readonly List<byte[]> _hashes;

    /// <summary>The edge of a tree without leaves.</summary>
    public MerkleEdge()
        : this(0, [])
    {
    }

    /// <summary>The edge of a tree.</summary>
    /// <param name="size">Leaves.</param>
    /// <param name="hashes">One for each bit that is set in the size, highest first, 32 bytes each.</param>
    /// <exception cref="FormatException">They are not as many, or not as long.</exception>
    public MerkleEdge(long size, IEnumerable<byte[]> hashes)
    {
        _hashes = [.. hashes];
        if (size < 0 || _hashes.Count != BitOperations.PopCount((ulong)size) || _hashes.Any(hash => hash.Length != AuditEncoding.HashSize))
            throw new FormatException($"those are not the hashes of the edge of a tree of {size}");
        Size = size;
    }

    /// <summary>Leaves.</summary>
    public long Size { get; private set; }

    /// <summary>The hashes, largest tree first.</summary>
    public IReadOnlyList<byte[]> Hashes => _hashes;

    /// <summary>The root of the tree: MTH of RFC 6962, section 2.1.</summary>
    public byte[] Root()
    {
        if (_hashes.Count == 0)
            return SHA256.HashData([]);
        byte[] root = _hashes[^1];
        for (int i = _hashes.Count - 2; i >= 0; i--)
            root = NodeHash(_hashes[i], root);
        return root;
    }

    /// <summary>Adds an entry.</summary>
    /// <param name="data">What is hashed as a leaf.</param>
    public void Append(ReadOnlySpan<byte> data)
    {
        byte[] hash = LeafHash(data);
        for (long full = Size; (full & 1) == 1; full >>= 1)
        {
            hash = NodeHash(_hashes[^1], hash);
            _hashes.RemoveAt(_hashes.Count - 1);
        }

        _hashes.Add(hash);
        Size++;
    }

    /// <summary>One that grows apart from this.</summary>
    public MerkleEdge Clone() => new(Size, _hashes);

    /// <summary>SHA-256( 0 | data ).</summary>
    public static byte[] LeafHash(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0]);
        hash.AppendData(data);
        return hash.GetHashAndReset();
    }

    /// <summary>SHA-256( 1 | left | right ).</summary>
    public static byte[] NodeHash(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> input = stackalloc byte[1 + (2 * AuditEncoding.HashSize)];
        input[0] = 1;
        left.CopyTo(input[1..]);
        right.CopyTo(input[(1 + AuditEncoding.HashSize)..]);
        return SHA256.HashData(input);
    }
}
