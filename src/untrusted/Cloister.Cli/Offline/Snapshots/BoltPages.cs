using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>
/// The pages of a bbolt file, read one at a time and checked. Source: go.etcd.io/bbolt, page.go, meta: little-endian;
/// page = id 8 | flags 2 | count 2 | overflow 4 | content; meta = magic 4 | version 4 | page size 4 | flags 4 | root page 8 | sequence 8 |
/// freelist 8 | high water mark 8 | transaction 8 | FNV-1a-64 of the 56 bytes before.
/// </summary>
internal sealed class BoltPages
{
    internal const int HeaderSize = 16;

    private const uint Magic = 0xED0CDAED;
    private const uint Version = 2;
    private const ushort FreelistFlag = 0x10;
    private const ulong NoFreelist = ulong.MaxValue;
    private const int MetaSize = 64;
    private const int MinPageSize = 512;
    private const int MaxPageSize = 65_536;

    // etcd keeps no value above some MiB; a page of a sound file is not larger.
    private const int MaxPage = 256 * 1024 * 1024;

    private readonly SafeFileHandle _file;
    private readonly long _length;
    private readonly int _pageSize;

    private BoltPages(SafeFileHandle file, Meta meta)
    {
        _file = file;
        _length = checked((long)meta.Pages * meta.PageSize);
        _pageSize = meta.PageSize;
        Root = meta.Root;
        Freelist = meta.Freelist;
    }

    /// <summary>The root page of the newest transaction.</summary>
    internal ulong Root { get; }

    /// <summary>Where the freelist is, if it is kept.</summary>
    internal ulong Freelist { get; }

    /// <summary>Whether a freelist is kept.</summary>
    internal bool HasFreelist => Freelist != NoFreelist;

    /// <summary>How many pages the newest transaction has, used and free: its high water mark.</summary>
    internal long Count => _length / _pageSize;

    /// <param name="file">The file; not owned.</param>
    /// <param name="length">Bytes that are the database.</param>
    /// <param name="saved">Whether it is a saved snapshot, which has two equal heads; in a file of a running member one may be torn.</param>
    /// <exception cref="SnapshotException">No whole bbolt file.</exception>
    internal static BoltPages Open(SafeFileHandle file, long length, bool saved)
    {
        Meta? newest = null;
        int heads = 0;

        // The first meta tells the page size; when it is torn, the second one lies at one of these places.
        for (int offset = 0; offset <= MaxPageSize; offset = offset == 0 ? MinPageSize : offset * 2)
        {
            if (ReadMeta(file, length, offset) is { } meta && (offset == 0 || offset == meta.PageSize))
            {
                heads++;
                newest = newest is null || meta.Transaction > newest.Value.Transaction ? meta : newest;
            }
        }

        if (newest is not { } found || heads < (saved ? 2 : 1))
        {
            throw new SnapshotException("it has no valid head of a bbolt database, or only one of two");
        }

        return found.Pages is >= 4 and <= int.MaxValue && (long)found.Pages * found.PageSize <= length
            ? new BoltPages(file, found)
            : throw new SnapshotException($"it is cut off: {length} bytes, its head says {found.Pages} pages of {found.PageSize}");
    }

    /// <summary>The pages that the freelist names, and how many pages it takes besides its first. Source: bbolt, freelist.go.</summary>
    /// <exception cref="SnapshotException">It is none.</exception>
    internal (IReadOnlyList<ulong> Free, uint Overflow) ReadFreelist()
    {
        byte[] bytes = ReadBytes(Freelist);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(10));
        int start = HeaderSize;
        ulong all = (ulong)count;
        if (count == ushort.MaxValue)
        {
            all = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(start));
            start += sizeof(ulong);
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) != FreelistFlag || all > (ulong)((bytes.Length - start) / sizeof(ulong)))
        {
            throw new SnapshotException($"page {Freelist} is no freelist");
        }

        ulong[] free = new ulong[all];
        for (int i = 0; i < free.Length; i++)
        {
            free[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(start + (i * sizeof(ulong))));
        }

        return (free, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12)));
    }

    /// <summary>A page with its overflow: flags, number of elements and all its bytes.</summary>
    /// <exception cref="SnapshotException">It is not in the file, or not that page.</exception>
    internal BoltPage Read(ulong id) => new(id, ReadBytes(id));

    private byte[] ReadBytes(ulong id)
    {
        if (id < 2 || id >= (ulong)Count)
        {
            throw new SnapshotException($"page {id} is not in the file");
        }

        long offset = (long)id * _pageSize;
        Span<byte> header = stackalloc byte[HeaderSize];
        ReadFully(_file, header, offset);
        uint overflow = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        long size = (1L + overflow) * _pageSize;
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != id || size > Math.Min(_length - offset, MaxPage))
        {
            throw new SnapshotException($"page {id} is damaged");
        }

        byte[] bytes = new byte[size];
        ReadFully(_file, bytes, offset);
        return bytes;
    }

    private static Meta? ReadMeta(SafeFileHandle file, long length, int offset)
    {
        if (length - offset < HeaderSize + MetaSize)
        {
            return null;
        }

        byte[] bytes = new byte[MetaSize];
        ReadFully(file, bytes, offset + HeaderSize);
        ReadOnlySpan<byte> meta = bytes;
        uint pageSize = BinaryPrimitives.ReadUInt32LittleEndian(meta[8..]);
        bool valid = BinaryPrimitives.ReadUInt32LittleEndian(meta) == Magic
            && BinaryPrimitives.ReadUInt32LittleEndian(meta[4..]) == Version
            && pageSize is >= MinPageSize and <= MaxPageSize
            && uint.IsPow2(pageSize)
            && BinaryPrimitives.ReadUInt64LittleEndian(meta[56..]) == Fnv1A(meta[..56]);
        return valid
            ? new Meta(
                (int)pageSize, BinaryPrimitives.ReadUInt64LittleEndian(meta[16..]), BinaryPrimitives.ReadUInt64LittleEndian(meta[32..]),
                BinaryPrimitives.ReadUInt64LittleEndian(meta[40..]), BinaryPrimitives.ReadUInt64LittleEndian(meta[48..]))
            : null;
    }

    private static void ReadFully(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(file, bytes[done..], offset + done);
            done += read > 0 ? read : throw new SnapshotException("it ended while it was read");
        }
    }

    private static ulong Fnv1A(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14_695_981_039_346_656_037;
        foreach (byte b in bytes)
        {
            hash = unchecked((hash ^ b) * 1_099_511_628_211);
        }

        return hash;
    }

    private readonly record struct Meta(int PageSize, ulong Root, ulong Freelist, ulong Pages, ulong Transaction);
}
