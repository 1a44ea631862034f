using System.Collections;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>
/// Checks a bbolt file as bbolt's own <c>check</c> does (go.etcd.io/bbolt, tx_check.go): every page that is reached is reached once, is the one that it
/// says, and is not free; keys are in order within and between pages; where a freelist is kept, each page is reached or free. A file that passes can
/// be read to its end; one that does not may lack keys without a sign of it.
/// </summary>
internal sealed class BoltCheck
{
    private const int MaxDepth = 32;

    private readonly BoltPages _pages;
    private readonly BitArray _reached;
    private readonly BitArray _free;

    private BoltCheck(BoltPages pages)
    {
        _pages = pages;
        _reached = new BitArray(checked((int)pages.Count));
        _free = new BitArray(_reached.Length);
    }

    /// <returns>How many pages are in use.</returns>
    /// <exception cref="SnapshotException">It is damaged.</exception>
    internal static int Run(BoltPages pages)
    {
        BoltCheck check = new(pages);
        check._reached[0] = check._reached[1] = true;
        check.ReadFreelist();
        check.Bucket(pages.Read(pages.Root), depth: 0);
        check.EveryPage();
        return check._reached.Cast<bool>().Count(reached => reached);
    }

    // etcd keeps none on Linux: then all that is not reached is free.
    private void ReadFreelist()
    {
        if (!_pages.HasFreelist)
        {
            return;
        }

        (IReadOnlyList<ulong> free, uint overflow) = _pages.ReadFreelist();
        Reach(_pages.Freelist, overflow);
        foreach (ulong id in free)
        {
            if (id < 2 || id >= (ulong)_free.Length || _free[(int)id])
            {
                throw new SnapshotException($"its freelist names page {id}, which is not there or named twice");
            }

            _free[(int)id] = true;
        }
    }

    private void EveryPage()
    {
        if (!_pages.HasFreelist)
        {
            return;
        }

        for (int id = 0; id < _reached.Length; id++)
        {
            if (_reached[id] == _free[id])
            {
                throw new SnapshotException(_reached[id] ? $"page {id} is in use and free" : $"page {id} is neither in use nor free");
            }
        }
    }

    private void Bucket(BoltPage root, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new SnapshotException("its pages do not form a tree");
        }

        Page(root, first: null, end: null, depth);
    }

    // Keys of a page are at least first, which its branch names, and less than end, the next one there.
    private void Page(BoltPage page, ReadOnlyMemory<byte>? first, ReadOnlyMemory<byte>? end, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new SnapshotException("its pages do not form a tree");
        }

        // A small bucket's only page lies within another one.
        if (page.Id != 0)
        {
            Reach(page.Id, page.Overflow);
        }

        for (int i = 0; i < page.Count; i++)
        {
            ReadOnlyMemory<byte> key = page.Key(i);
            if ((i == 0 && first is { } least && key.Span.SequenceCompareTo(least.Span) < 0)
                || (i > 0 && key.Span.SequenceCompareTo(page.Key(i - 1).Span) <= 0)
                || (end is { } most && key.Span.SequenceCompareTo(most.Span) >= 0))
            {
                throw page.Damaged("has keys out of order");
            }

            if (!page.IsLeaf)
            {
                Page(_pages.Read(page.Child(i)), key, i + 1 < page.Count ? page.Key(i + 1) : end, depth + 1);
            }
            else if (page.Entry(i) is { IsBucket: true } bucket)
            {
                Bucket(BoltDatabase.BucketRoot(_pages, bucket.Value), depth + 1);
            }
        }
    }

    private void Reach(ulong id, uint overflow)
    {
        for (ulong at = id; at <= id + overflow; at++)
        {
            if (at >= (ulong)_reached.Length || _reached[(int)at])
            {
                throw new SnapshotException($"page {at} is reached twice, or is not in the file");
            }

            if (_free[(int)at])
            {
                throw new SnapshotException($"page {at} is in use and free");
            }

            _reached[(int)at] = true;
        }
    }
}
