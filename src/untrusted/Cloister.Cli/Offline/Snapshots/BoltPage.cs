using System.Buffers.Binary;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>
/// A branch or leaf page, in place. Source: go.etcd.io/bbolt, page.go. Elements of 16 bytes follow the header: of a branch
/// position 4 | key size 4 | page 8; of a leaf flags 4 | position 4 | key size 4 | value size 4; positions count from the element.
/// </summary>
internal sealed class BoltPage
{
    private const ushort BranchFlag = 1;
    private const ushort LeafFlag = 2;
    private const uint BucketFlag = 1;
    private const int ElementSize = 16;

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly ushort _flags;

    /// <exception cref="SnapshotException">Neither branch nor leaf, or its elements do not fit.</exception>
    internal BoltPage(ulong id, ReadOnlyMemory<byte> bytes)
    {
        Id = id;
        _bytes = bytes;
        if (bytes.Length < BoltPages.HeaderSize)
        {
            throw Damaged();
        }

        _flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[8..]);
        Count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[10..]);
        Overflow = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[12..]);
        if (_flags is not (BranchFlag or LeafFlag) || BoltPages.HeaderSize + (Count * ElementSize) > bytes.Length || (_flags == BranchFlag && Count == 0))
        {
            throw Damaged();
        }
    }

    internal ulong Id { get; }

    /// <summary>Pages that it takes besides its own.</summary>
    internal uint Overflow { get; }

    internal bool IsLeaf => _flags == LeafFlag;

    internal int Count { get; }

    /// <summary>The page that an element of a branch points to.</summary>
    internal ulong Child(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Element(index)[8..]);

    /// <summary>The key of an element, of a branch or a leaf.</summary>
    /// <exception cref="SnapshotException">It does not lie within the page.</exception>
    internal ReadOnlyMemory<byte> Key(int index)
    {
        if (IsLeaf)
        {
            return Entry(index).Key;
        }

        ReadOnlySpan<byte> element = Element(index);
        ulong start = Start(index) + BinaryPrimitives.ReadUInt32LittleEndian(element);
        ulong size = BinaryPrimitives.ReadUInt32LittleEndian(element[4..]);
        return start + size <= (ulong)_bytes.Length ? _bytes.Slice((int)start, (int)size) : throw Damaged();
    }

    /// <summary>An element of a leaf.</summary>
    /// <exception cref="SnapshotException">It does not lie within the page.</exception>
    internal BoltEntry Entry(int index)
    {
        ReadOnlySpan<byte> element = Element(index);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(element);
        ulong start = Start(index) + BinaryPrimitives.ReadUInt32LittleEndian(element[4..]);
        ulong keySize = BinaryPrimitives.ReadUInt32LittleEndian(element[8..]);
        ulong valueSize = BinaryPrimitives.ReadUInt32LittleEndian(element[12..]);
        if (flags > BucketFlag || start + keySize + valueSize > (ulong)_bytes.Length)
        {
            throw Damaged();
        }

        return new BoltEntry(
            (flags & BucketFlag) != 0,
            _bytes.Slice((int)start, (int)keySize),
            _bytes.Slice((int)(start + keySize), (int)valueSize));
    }

    /// <summary>What is wrong with it, without what is in it.</summary>
    internal SnapshotException Damaged(string what = "is damaged") => new($"page {Id} {what}");

    private static ulong Start(int index) => BoltPages.HeaderSize + ((ulong)index * ElementSize);

    private ReadOnlySpan<byte> Element(int index) => _bytes.Span.Slice((int)Start(index), ElementSize);
}
