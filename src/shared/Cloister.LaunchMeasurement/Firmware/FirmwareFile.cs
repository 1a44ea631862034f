using System.Buffers.Binary;
using System.Text;

namespace Cloister.LaunchMeasurement.Firmware;

/// <summary>
/// A firmware file of edk2 and the table of GUIDs near its end, which says where the parts are that a hypervisor has to know. It ends 32 bytes before the end of the file and is read backwards: an
/// entry is its data, u16 length with these 18 bytes, GUID; the last entry's length is that of the table. Source: edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm. Integers little-endian.
/// </summary>
internal sealed class FirmwareFile
{
    internal const int PageSize = 4096;

    /// <summary>Larger than what QEMU maps below 4 GiB by default (<c>max-fw-size</c>, 8 MiB).</summary>
    internal const int MaximumSize = 16 << 20;

    private const string Subject = "firmware";
    private const int AfterTable = 32;
    private const int EntryHeader = 2 + 16;
    private const uint MetadataHeader = 16;
    private const uint MaximumSections = 64;

    private static readonly Guid Footer = new("96b582de-1fb2-45f7-baea-a366c55a082d");

    private readonly Dictionary<Guid, ReadOnlyMemory<byte>> _entries;

    private FirmwareFile(ReadOnlyMemory<byte> bytes, Dictionary<Guid, ReadOnlyMemory<byte>> entries)
    {
        Bytes = bytes;
        _entries = entries;
    }

    /// <summary>The whole file.</summary>
    internal ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Where the file begins in the guest: it ends at 4 GiB.</summary>
    internal ulong Address => (1ul << 32) - (ulong)Bytes.Length;

    /// <summary>Reads the table.</summary>
    /// <exception cref="LaunchFileException">It has no table, or one that is not well-formed.</exception>
    internal static FirmwareFile Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length is 0 or > MaximumSize || bytes.Length % PageSize != 0)
        {
            throw Wrong($"has {bytes.Length} bytes: a file of whole pages ({PageSize} bytes) up to {MaximumSize} bytes is expected, such as OVMF.amdsev.fd or OVMF.inteltdx.fd");
        }

        int end = bytes.Length - AfterTable;
        ReadOnlySpan<byte> file = bytes.Span;
        if (new Guid(file.Slice(end - 16, 16)) != Footer)
        {
            throw Wrong("has no table of GUIDs at its end: it is no OVMF, or only a part of one");
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(file[(end - EntryHeader)..]);
        if (length < EntryHeader || length > end)
        {
            throw Wrong($"its table of GUIDs has a length of {length} bytes, which cannot be");
        }

        ReadOnlyMemory<byte> table = bytes[(end - length)..(end - EntryHeader)];
        return new FirmwareFile(bytes, Entries(table));
    }

    /// <summary>An entry's data; null: there is none.</summary>
    internal ReadOnlyMemory<byte>? Find(Guid guid) => _entries.TryGetValue(guid, out ReadOnlyMemory<byte> data) ? data : (ReadOnlyMemory<byte>?)null;

    /// <summary>An entry that is one u32; null: there is no such entry.</summary>
    /// <exception cref="LaunchFileException">The entry is shorter.</exception>
    internal uint? FindNumber(Guid guid, string name)
    {
        if (Find(guid) is not { } data)
        {
            return null;
        }

        return data.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(data.Span) : throw Wrong($"its table entry for the {name} has {data.Length} bytes in place of 4");
    }

    /// <summary>
    /// Sections of metadata that a table entry gives the place of, counted from the end of the file: four letters, u32 size with the header, u32 version 1, u32 count, then the sections, one after another.
    /// </summary>
    /// <param name="entry">The table entry.</param>
    /// <param name="signature">The four letters, as a word for messages.</param>
    /// <param name="sectionSize">Bytes of a section.</param>
    /// <param name="absent">What is said when there is no such entry.</param>
    /// <exception cref="LaunchFileException">There is none, or it is not well-formed.</exception>
    internal ReadOnlySpan<byte> Sections(Guid entry, string signature, uint sectionSize, string absent)
    {
        uint at = FindNumber(entry, $"{signature} metadata") ?? throw Wrong(absent);
        ReadOnlySpan<byte> header = BeforeEnd(at, signature, MetadataHeader);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (!header[..4].SequenceEqual(Encoding.ASCII.GetBytes(signature)) || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != 1)
        {
            throw Wrong($"its metadata have another signature or version than {signature} 1");
        }

        return count is > 0 and <= MaximumSections && size == MetadataHeader + (count * sectionSize)
            ? BeforeEnd(at, signature, size)[(int)MetadataHeader..]
            : throw Wrong($"its {signature} metadata have {count} sections in {size} bytes, which does not fit");
    }

    private ReadOnlySpan<byte> BeforeEnd(uint fromEnd, string name, uint length) => fromEnd <= (uint)Bytes.Length && length <= fromEnd
        ? Bytes.Span.Slice(Bytes.Length - (int)fromEnd, (int)length)
        : throw Wrong($"its {name} metadata would be {fromEnd} bytes before the end with {length} bytes: not in the file");

    internal static LaunchFileException Wrong(string problem) => new(Subject, problem);

    private static Dictionary<Guid, ReadOnlyMemory<byte>> Entries(ReadOnlyMemory<byte> table)
    {
        Dictionary<Guid, ReadOnlyMemory<byte>> entries = [];
        int end = table.Length;
        while (end > 0)
        {
            int length = end < EntryHeader ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(table.Span[(end - EntryHeader)..]);
            if (length < EntryHeader || length > end)
            {
                throw Wrong($"its table of GUIDs has an entry that does not fit, {end} bytes after the table's start");
            }

            Guid guid = new(table.Span.Slice(end - 16, 16));
            if (!entries.TryAdd(guid, table[(end - length)..(end - EntryHeader)]))
            {
                throw Wrong($"its table of GUIDs has {guid} twice");
            }

            end -= length;
        }

        return entries;
    }
}
