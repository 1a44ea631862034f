using System.Buffers.Binary;

namespace Cloister.Simulator.Snp;

/// <summary>Writes the certificate table that a host hands to its guest (GHCB 56421, section 4.1.8.1).</summary>
public static class SnpCertificateTableWriter
{
    /// <summary>GUID of the ARK's entry.</summary>
    public const string Ark = "c0b406a4-a803-4952-9743-3fb6014cd0ae";

    /// <summary>GUID of the ASK's entry.</summary>
    public const string Ask = "4ab7b379-bbac-4fe4-a02f-05aef327c782";

    /// <summary>GUID of the VCEK's entry.</summary>
    public const string Vcek = "63da758d-e664-4564-adc5-f4b93be8accd";

    /// <summary>GUID of the VLEK's entry.</summary>
    public const string Vlek = "a8074bc2-a25a-483e-aae6-39c045a0b8a1";

    private const int EntryLength = 24;

    /// <summary>Writes a table, padded with zeros to whole pages of 4096 bytes as hypervisors do.</summary>
    /// <param name="entries">GUID and data of each entry.</param>
    public static byte[] Write(params (string Guid, byte[] Data)[] entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        int at = EntryLength * (entries.Length + 1);
        int length = at + entries.Sum(entry => entry.Data.Length);
        byte[] table = new byte[(length + 4095) / 4096 * 4096];
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = table.AsSpan(i * EntryLength, EntryLength);
            new Guid(entries[i].Guid).TryWriteBytes(entry, bigEndian: true, out _);
            BinaryPrimitives.WriteInt32LittleEndian(entry[16..], at);
            BinaryPrimitives.WriteInt32LittleEndian(entry[20..], entries[i].Data.Length);
            entries[i].Data.CopyTo(table, at);
            at += entries[i].Data.Length;
        }

        return table;
    }
}
