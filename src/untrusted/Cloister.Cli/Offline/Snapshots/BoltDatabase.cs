using System.Buffers.Binary;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>Reads the buckets of a bbolt file. Hostile files end in an error: no page is read twice, none outside the file.</summary>
internal sealed class BoltDatabase
{
    private const int MaxDepth = 32;
    private const int BucketHeaderSize = 16;

    private readonly BoltPages _pages;

    internal BoltDatabase(BoltPages pages)
    {
        _pages = pages;
    }

    /// <summary>Everything in a bucket at the top, in the order of keys.</summary>
    /// <exception cref="SnapshotException">There is no such bucket, or the file is damaged; also while it is read.</exception>
    internal IEnumerable<BoltEntry> Bucket(byte[] name)
    {
        foreach (BoltEntry entry in Walk(_pages.Read(_pages.Root)))
        {
            if (entry.IsBucket && entry.Key.Span.SequenceEqual(name))
            {
                return Walk(BucketRoot(_pages, entry.Value));
            }
        }

        throw new SnapshotException("it is not a database of etcd: it has no bucket of keys");
    }

    // Root page 8, sequence 8; a small bucket has root 0, and its only page follows.
    internal static BoltPage BucketRoot(BoltPages pages, ReadOnlyMemory<byte> head)
    {
        if (head.Length < BucketHeaderSize)
        {
            throw new SnapshotException("a bucket's head is damaged");
        }

        ulong root = BinaryPrimitives.ReadUInt64LittleEndian(head.Span);
        return root == 0 ? new BoltPage(0, head[BucketHeaderSize..]) : pages.Read(root);
    }

    private IEnumerable<BoltEntry> Walk(BoltPage root)
    {
        Stack<(BoltPage Page, int Next)> path = new();
        path.Push((root, 0));
        long visited = 1;
        while (path.TryPop(out (BoltPage Page, int Next) at))
        {
            if (at.Page.IsLeaf)
            {
                for (int i = 0; i < at.Page.Count; i++)
                {
                    yield return at.Page.Entry(i);
                }

                continue;
            }

            if (at.Next == at.Page.Count)
            {
                continue;
            }

            path.Push((at.Page, at.Next + 1));

            // A tree of pages that meet again would never end.
            if (++visited > _pages.Count || path.Count > MaxDepth)
            {
                throw new SnapshotException("its pages do not form a tree");
            }

            path.Push((_pages.Read(at.Page.Child(at.Next)), 0));
        }
    }
}
