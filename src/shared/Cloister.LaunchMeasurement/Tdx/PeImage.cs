using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.LaunchMeasurement.Tdx;

/// <summary>
/// The Authenticode digest of an EFI program: the file without its checksum, the directory entry of its signatures, and the signatures. Source: Microsoft, Windows Authenticode Portable Executable Signature
/// Format, "Calculating the PE Image Hash"; edk2, OvmfPkg/Tcg/TdTcg2Dxe/MeasureBootPeCoff.c, which pads nothing. Integers little-endian.
/// </summary>
internal static class PeImage
{
    private const int CoffHeader = 20;
    private const int SectionHeader = 40;
    private const int CertificateDirectory = 4;
    private const ushort Pe32 = 0x10B;
    private const ushort Pe32Plus = 0x20B;

    /// <summary>Hashes a file.</summary>
    /// <exception cref="LaunchFileException">It is no EFI program, or one whose parts do not fit.</exception>
    internal static byte[] Hash(ReadOnlySpan<byte> file, HashAlgorithmName algorithm)
    {
        if (file.Length < 64 || !file[..2].SequenceEqual("MZ"u8))
        {
            throw Wrong("is no EFI program (it does not begin with MZ): a bzImage with CONFIG_EFI_STUB is expected");
        }

        uint header = Word(file, 0x3C);
        if (!Part(file, header, 4).SequenceEqual("PE\0\0"u8))
        {
            throw Wrong("is no EFI program (it has no PE header): a bzImage with CONFIG_EFI_STUB is expected");
        }

        long coff = header + 4L;
        int sections = Short(file, coff + 2);
        int optionalSize = Short(file, coff + 16);
        long optional = coff + CoffHeader;
        ushort magic = Short(file, optional);
        if (magic is not (Pe32 or Pe32Plus))
        {
            throw Wrong($"has an optional header of kind 0x{magic:x}");
        }

        // Both kinds have the checksum at 64; the list of directories, with its length before it, comes after fields of other widths.
        long checksum = optional + 64;
        long directories = optional + (magic == Pe32Plus ? 112 : 96);
        uint headers = Word(file, optional + 60);
        bool signable = Word(file, directories - 4) > CertificateDirectory;
        long entry = directories + (8 * CertificateDirectory);
        long after = signable ? entry + 8 : checksum + 4;
        if (headers < after || headers > (uint)file.Length || directories > optional + optionalSize || (signable && after > optional + optionalSize))
        {
            throw Wrong("has headers that do not fit");
        }

        using IncrementalHash hash = IncrementalHash.CreateHash(algorithm);
        hash.AppendData(file[..(int)checksum]);
        if (signable)
        {
            hash.AppendData(file[(int)(checksum + 4)..(int)entry]);
        }

        hash.AppendData(file[(int)after..(int)headers]);
        long hashed = headers + AppendSections(hash, file, optional + optionalSize, sections);
        uint signatures = signable ? Word(file, entry + 4) : 0;
        if (hashed + signatures > file.Length)
        {
            throw Wrong("has sections that overlap, or signatures that are not all there");
        }

        hash.AppendData(file[(int)hashed..(file.Length - (int)signatures)]);
        return hash.GetHashAndReset();
    }

    private static long AppendSections(IncrementalHash hash, ReadOnlySpan<byte> file, long table, int count)
    {
        List<(uint Offset, uint Size)> parts = [];
        for (int i = 0; i < count; i++)
        {
            (uint offset, uint size) = (Word(file, table + (i * SectionHeader) + 20), Word(file, table + (i * SectionHeader) + 16));
            if (size > 0)
            {
                parts.Add((offset, size));
            }
        }

        long sum = 0;
        foreach ((uint offset, uint size) in parts.OrderBy(part => part.Offset))
        {
            sum += size;
            if (sum > file.Length)
            {
                throw Wrong("has sections that overlap");
            }

            hash.AppendData(Part(file, offset, size));
        }

        return sum;
    }

    private static ushort Short(ReadOnlySpan<byte> file, long at) => BinaryPrimitives.ReadUInt16LittleEndian(Part(file, at, 2));

    private static uint Word(ReadOnlySpan<byte> file, long at) => BinaryPrimitives.ReadUInt32LittleEndian(Part(file, at, 4));

    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> file, long at, long length) => at + length <= file.Length
        ? file.Slice((int)at, (int)length)
        : throw Wrong($"ends before byte {at + length}, which its headers name");

    private static LaunchFileException Wrong(string problem) => new("kernel", problem);
}
