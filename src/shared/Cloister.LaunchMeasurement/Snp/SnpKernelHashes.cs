using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Snp;

/// <summary>
/// The table with which a hypervisor tells measured firmware what it may boot: GUID, u16 length 168, then an entry (GUID, u16 length 50, SHA-256) for each of command line, initrd and kernel, and zeros up
/// to a multiple of 16. The command line is hashed with the zero at its end, a missing initrd as nothing. Source: QEMU, target/i386/sev.c (<c>build_kernel_loader_hashes</c>).
/// </summary>
internal static class SnpKernelHashes
{
    /// <summary>With the zeros at its end.</summary>
    internal const int Size = 176;

    private const int TableSize = 168;
    private const int EntrySize = 50;

    private static readonly Guid Table = new("9438d606-4f22-4cc9-b479-a793d411fd21");
    private static readonly Guid CommandLine = new("97d02dd8-bd20-4c94-aa78-e7714d36ab2a");
    private static readonly Guid Initrd = new("44baf731-3a2f-4bd7-9af1-41e29169781d");
    private static readonly Guid Kernel = new("4de79437-abd2-427f-b835-d5b172d2045b");

    /// <summary>The table from three SHA-256.</summary>
    private static byte[] Build(ReadOnlySpan<byte> commandLine, ReadOnlySpan<byte> initrd, ReadOnlySpan<byte> kernel)
    {
        byte[] table = new byte[Size];
        Head(table, Table, TableSize);
        Entry(table, 0, CommandLine, commandLine);
        Entry(table, 1, Initrd, initrd);
        Entry(table, 2, Kernel, kernel);
        return table;
    }

    /// <summary>The page that holds the table of an image.</summary>
    internal static byte[] Page(LaunchImage image, int offset) => Page(image.Kernel.Span, image.Ramdisks, image.CommandLine, offset);

    internal static byte[] Page(ReadOnlySpan<byte> kernel, IReadOnlyList<ReadOnlyMemory<byte>> ramdisks, string commandLine, int offset)
    {
        byte[] page = new byte[FirmwareFile.PageSize];
        using IncrementalHash initrd = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> part in ramdisks)
        {
            initrd.AppendData(part.Span);
        }

        byte[] table = Build(SHA256.HashData([.. Encoding.ASCII.GetBytes(commandLine), 0]), initrd.GetHashAndReset(), SHA256.HashData(kernel));
        table.CopyTo(page.AsSpan(offset));
        return page;
    }

    private static void Entry(byte[] table, int index, Guid guid, ReadOnlySpan<byte> hash)
    {
        Span<byte> entry = table.AsSpan(18 + (index * EntrySize), EntrySize);
        Head(entry, guid, EntrySize);
        hash.CopyTo(entry[18..]);
    }

    private static void Head(Span<byte> to, Guid guid, ushort length)
    {
        guid.TryWriteBytes(to);
        BinaryPrimitives.WriteUInt16LittleEndian(to[16..], length);
    }
}
