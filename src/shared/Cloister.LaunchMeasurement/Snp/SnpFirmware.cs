using System.Buffers.Binary;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Snp;

/// <summary>What a section of the metadata holds. Source: edk2, OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm.</summary>
internal enum SnpSectionType : uint
{
    /// <summary>Memory that the firmware uses before it can validate any: zeros.</summary>
    Memory = 1,

    /// <summary>The secrets page.</summary>
    Secrets = 2,

    /// <summary>The CPUID page.</summary>
    Cpuid = 3,

    /// <summary>The calling area of an SVSM: zeros.</summary>
    SvsmCallingArea = 4,

    /// <summary>The page with the table of kernel hashes.</summary>
    KernelHashes = 0x10,
}

/// <summary>One section of guest memory.</summary>
internal readonly record struct SnpSection(uint Address, uint Size, SnpSectionType Type);

/// <summary>What OVMF's SEV metadata says: <c>ASEV</c>, u32 size, version 1, count, then {u32 address, u32 size, u32 type}.</summary>
internal sealed class SnpFirmware
{
    private const uint SectionSize = 12;

    private static readonly Guid Metadata = new("dc886566-984a-4798-a75e-5585a7bf67cc");
    private static readonly Guid HashesTable = new("7255371f-3a3b-4b04-927b-1da6efa8d454");
    private static readonly Guid ResetBlock = new("00f771de-1a7e-4fcb-890e-68c77e2fb44e");

    private SnpFirmware(FirmwareFile file, IReadOnlyList<SnpSection> sections)
    {
        File = file;
        Sections = sections;
    }

    /// <summary>The file.</summary>
    internal FirmwareFile File { get; }

    /// <summary>Sections in the order of the file, which is that of the launch.</summary>
    internal IReadOnlyList<SnpSection> Sections { get; }

    /// <summary>The instruction pointer that processors but the first start at.</summary>
    internal uint ApResetEip => File.FindNumber(ResetBlock, "reset address of further processors")
        ?? throw FirmwareFile.Wrong("does not say where further processors start (SEV-ES reset block): no more than one vCPU can be measured");

    /// <summary>Reads a firmware file.</summary>
    /// <exception cref="LaunchFileException">It is no firmware for SEV-SNP.</exception>
    internal static SnpFirmware Read(ReadOnlyMemory<byte> bytes)
    {
        FirmwareFile file = FirmwareFile.Read(bytes);
        ReadOnlySpan<byte> sections = file.Sections(Metadata, "ASEV", SectionSize, "has no SEV metadata: it is no build for SEV-SNP. Debian has one in the package ovmf-amdsev (OVMF.amdsev.fd)");
        List<SnpSection> read = [];
        for (int at = 0; at < sections.Length; at += (int)SectionSize)
        {
            ReadOnlySpan<byte> section = sections.Slice(at, (int)SectionSize);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(section[8..]);
            if (!Enum.IsDefined((SnpSectionType)type))
            {
                throw FirmwareFile.Wrong($"its SEV metadata has a section of type 0x{type:x}, which nobody here knows how to measure");
            }

            read.Add(new SnpSection(BinaryPrimitives.ReadUInt32LittleEndian(section), BinaryPrimitives.ReadUInt32LittleEndian(section[4..]), (SnpSectionType)type));
        }

        Check(file, read);
        return new SnpFirmware(file, read);
    }

    /// <summary>Where in its page the table of hashes stands.</summary>
    /// <exception cref="LaunchFileException">The firmware does not measure a kernel.</exception>
    internal int HashesOffset()
    {
        SnpSection[] pages = [.. Sections.Where(section => section.Type == SnpSectionType.KernelHashes)];
        uint at = File.FindNumber(HashesTable, "table of kernel hashes") ?? 0;
        if (at == 0 || pages.Length == 0)
        {
            throw FirmwareFile.Wrong("has no place for the hashes of kernel, initrd and command line, so that none of them would be measured: take a build with one (AmdSevX64; Debian's ovmf-amdsev)");
        }

        if (at / FirmwareFile.PageSize != pages[0].Address / FirmwareFile.PageSize || (at % FirmwareFile.PageSize) + SnpKernelHashes.Size > FirmwareFile.PageSize)
        {
            throw FirmwareFile.Wrong("its table of kernel hashes is not in its section for it");
        }

        return (int)(at % FirmwareFile.PageSize);
    }

    private static void Check(FirmwareFile file, List<SnpSection> sections)
    {
        Ranges.Check([.. sections.Select(section => ((ulong)section.Address, (ulong)section.Size)), (file.Address, (ulong)file.Bytes.Length)]);
        foreach (SnpSectionType type in (SnpSectionType[])[SnpSectionType.Secrets, SnpSectionType.Cpuid, SnpSectionType.KernelHashes])
        {
            SnpSection[] those = [.. sections.Where(section => section.Type == type)];
            if (those.Length > 1 || (those.Length == 1 && those[0].Size != FirmwareFile.PageSize))
            {
                throw FirmwareFile.Wrong($"its SEV metadata has more than one page of type 0x{(uint)type:x}");
            }
        }
    }
}
