using System.Buffers.Binary;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Tdx;

/// <summary>One section of a TDVF: guest memory, and what of the file goes there.</summary>
/// <param name="Offset">In the file.</param>
/// <param name="Length">Bytes of the file; the rest of the memory is zeros.</param>
/// <param name="Address">In the guest.</param>
/// <param name="Size">Bytes of memory.</param>
/// <param name="Type">As <see cref="TdxFirmware"/> names them.</param>
/// <param name="Extended">Its contents are measured into MRTD.</param>
/// <param name="AddedLater">Its pages are given to the guest after the launch: nothing of it is measured.</param>
internal readonly record struct TdxSection(uint Offset, uint Length, ulong Address, ulong Size, uint Type, bool Extended, bool AddedLater);

/// <summary>
/// The metadata of a TDVF: <c>TDVF</c>, u32 length, version 1, count, then sections of 32 bytes {u32 offset, u32 length, u64 address, u64 size, u32 type, u32 attributes}. Source: Intel, TDX Virtual Firmware
/// Design Guide, "TDVF Metadata"; what QEMU refuses (hw/i386/tdvf.c) is refused.
/// </summary>
internal static class TdxFirmware
{
    private const uint SectionSize = 32;

    private const uint BootVolume = 0;
    private const uint Configuration = 1;
    private const uint HandOff = 2;
    private const uint TemporaryMemory = 3;

    private static readonly Guid Metadata = new("e47a6535-984a-4798-865e-4685a7bf8ec2");

    /// <summary>Reads the sections in the order of the file.</summary>
    /// <exception cref="LaunchFileException">It is no firmware for TDX.</exception>
    internal static IReadOnlyList<TdxSection> Read(FirmwareFile file)
    {
        ReadOnlySpan<byte> bytes = file.Sections(Metadata, "TDVF", SectionSize, "has no TDVF metadata: it is no build for TDX. Debian has one in the package ovmf-inteltdx");
        List<TdxSection> sections = [];
        for (int at = 0; at < bytes.Length; at += (int)SectionSize)
        {
            sections.Add(Section(file, bytes.Slice(at, (int)SectionSize)));
        }

        // What is added later is not looked at by the launch, and may be as large as the guest.
        Ranges.Check([.. sections.Where(section => !section.AddedLater).Select(section => (section.Address, section.Size))]);
        return sections;
    }

    private static TdxSection Section(FirmwareFile file, ReadOnlySpan<byte> bytes)
    {
        uint attributes = BinaryPrimitives.ReadUInt32LittleEndian(bytes[28..]);
        TdxSection section = new(
            BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]), (attributes & 1) != 0, (attributes & 2) != 0);
        if ((attributes & ~3u) != 0 || section is { Extended: true, AddedLater: true })
        {
            throw FirmwareFile.Wrong($"its section at 0x{section.Address:x} has attributes 0x{attributes:x}, which nobody here knows how to measure");
        }

        if ((ulong)section.Offset + section.Length > (ulong)file.Bytes.Length || section.Length > section.Size)
        {
            throw FirmwareFile.Wrong($"its section at 0x{section.Address:x} takes more bytes than the file or its memory has");
        }

        return section.Type switch
        {
            BootVolume or Configuration when section.Length > 0 => section,
            HandOff or TemporaryMemory when section.Length == 0 => section,
            BootVolume or Configuration => throw FirmwareFile.Wrong($"its section at 0x{section.Address:x} is a volume without bytes"),
            HandOff or TemporaryMemory => throw FirmwareFile.Wrong($"its section at 0x{section.Address:x} is memory with bytes of the file"),
            _ => throw FirmwareFile.Wrong($"its section at 0x{section.Address:x} has type {section.Type}, which nobody here knows how to measure"),
        };
    }
}
