using System.Buffers.Binary;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// The certificates that a host hands to its guest beside a report: GUID, offset, length; ended by an entry of zeros; then the
/// data (GHCB 56421, section 4.1.8.1). It is what SNP_GET_EXT_REPORT returns and what configfs-tsm shows as <c>auxblob</c>.
/// The host wrote it and nobody signed it: what it holds is believed only as far as the chain to a pinned root carries.
/// </summary>
public sealed class SnpCertificateTable
{
    /// <summary>How many entries a table may have; AMD defines five.</summary>
    public const int MaximumEntries = 16;

    private const int EntryLength = 24;
    private const int GuidLength = 16;

    private SnpCertificateTable(IReadOnlyList<SnpCertificateEntry> entries) => Entries = entries;

    /// <summary>The entries in the order of the table.</summary>
    public IReadOnlyList<SnpCertificateEntry> Entries { get; }

    /// <summary>Reads a table. An empty input is a table without entries; bytes that no entry points at are padding.</summary>
    /// <param name="bytes">The table with the data behind it.</param>
    /// <exception cref="EvidenceFormatException">No end, an entry outside the data or inside the header, or two entries of one kind.</exception>
    public static SnpCertificateTable Parse(ReadOnlyMemory<byte> bytes)
    {
        List<SnpCertificateEntry> entries = [];
        if (bytes.IsEmpty)
        {
            return new SnpCertificateTable(entries);
        }

        int headerLength = HeaderLength(bytes.Span);
        for (int at = 0; at < headerLength - EntryLength; at += EntryLength)
        {
            SnpCertificateEntry entry = ReadEntry(bytes, at, headerLength);
            if (entry.Kind != SnpCertificateKind.Unknown && entries.Exists(e => e.Kind == entry.Kind))
            {
                throw Error("guid", at, $"a second entry for the {entry.Kind}");
            }

            entries.Add(entry);
        }

        return new SnpCertificateTable(entries);
    }

    /// <summary>The data of the one entry of this kind, or null.</summary>
    /// <param name="kind">Any kind but <see cref="SnpCertificateKind.Unknown"/>.</param>
    public ReadOnlyMemory<byte>? Find(SnpCertificateKind kind)
    {
        foreach (SnpCertificateEntry entry in Entries)
        {
            if (entry.Kind == kind)
            {
                return entry.Data;
            }
        }

        return null;
    }

    private static int HeaderLength(ReadOnlySpan<byte> table)
    {
        for (int at = 0; at <= MaximumEntries * EntryLength; at += EntryLength)
        {
            if (table.Length - at < EntryLength)
            {
                throw Error("end", at, "the table ends before its entry of zeros");
            }

            if (!table.Slice(at, EntryLength).ContainsAnyExcept((byte)0))
            {
                return at + EntryLength;
            }
        }

        throw Error("end", MaximumEntries * EntryLength, $"more than {MaximumEntries} entries");
    }

    private static SnpCertificateEntry ReadEntry(ReadOnlyMemory<byte> table, int at, int headerLength)
    {
        ReadOnlySpan<byte> entry = table.Span.Slice(at, EntryLength);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[GuidLength..]);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry[(GuidLength + 4)..]);
        if (offset < headerLength || offset > table.Length || length > table.Length - offset)
        {
            throw Error("offset", at + GuidLength, $"{length} bytes at {offset} do not lie behind the header and inside the table");
        }

        return new SnpCertificateEntry(KindOf(new Guid(entry[..GuidLength], bigEndian: true)), (int)offset, table.Slice((int)offset, (int)length));
    }

    private static SnpCertificateKind KindOf(Guid guid) => guid.ToString("D") switch
    {
        "c0b406a4-a803-4952-9743-3fb6014cd0ae" => SnpCertificateKind.Ark,
        "4ab7b379-bbac-4fe4-a02f-05aef327c782" => SnpCertificateKind.Ask,
        "63da758d-e664-4564-adc5-f4b93be8accd" => SnpCertificateKind.Vcek,
        "a8074bc2-a25a-483e-aae6-39c045a0b8a1" => SnpCertificateKind.Vlek,
        "92f81bc3-5811-4d3d-97ff-d19f88dc67ea" => SnpCertificateKind.Crl,
        _ => SnpCertificateKind.Unknown,
    };

    private static EvidenceFormatException Error(string field, int offset, string problem) => new($"certificate_table.{field}", offset, problem);
}
