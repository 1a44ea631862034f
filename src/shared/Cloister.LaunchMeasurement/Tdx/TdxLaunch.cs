using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Tdx;

/// <summary>
/// Registers of a TDX guest that boots a kernel directly with edk2's TDVF and QEMU. RTMR0 is not among them: it holds what the host chooses (memory size, ACPI tables, SMBIOS, boot options), and the firmware's
/// version decides which events there are (docs/launch-measurement.md).
/// </summary>
public static class TdxLaunch
{
    /// <summary>Of a register.</summary>
    public const int RegisterSize = 48;

    private const int Chunk = 256;

    // edk2 measures the name under which QEMU's initrd can be read by Linux's EFI stub.
    private const string InitrdArgument = " initrd=initrd";

    /// <summary>
    /// MRTD: SHA-384 over the operations that build the guest: for each section of the TDVF and each of its pages <c>MEM.PAGE.ADD</c> with the address, and where the section says so, for each 256 bytes
    /// <c>MR.EXTEND</c> with the address and the bytes. Source: Intel, TDX Module Base Architecture Specification, TDH.MEM.PAGE.ADD, TDH.MR.EXTEND.
    /// </summary>
    /// <returns>48 bytes.</returns>
    /// <exception cref="LaunchFileException">The firmware is not for TDX.</exception>
    public static byte[] MeasureFirmware(ReadOnlyMemory<byte> firmware)
    {
        FirmwareFile file = FirmwareFile.Read(firmware);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        byte[] page = new byte[FirmwareFile.PageSize];
        foreach (TdxSection section in TdxFirmware.Read(file).Where(section => !section.AddedLater))
        {
            for (ulong at = 0; at < section.Size; at += FirmwareFile.PageSize)
            {
                Operation(hash, "MEM.PAGE.ADD"u8, section.Address + at);
                if (!section.Extended)
                {
                    continue;
                }

                page.AsSpan().Clear();
                int there = (int)Math.Min(FirmwareFile.PageSize, section.Length - Math.Min(at, section.Length));
                file.Bytes.Span.Slice((int)(section.Offset + Math.Min(at, section.Length)), there).CopyTo(page);
                for (int chunk = 0; chunk < page.Length; chunk += Chunk)
                {
                    Operation(hash, "MR.EXTEND"u8, section.Address + at + (ulong)chunk);
                    hash.AppendData(page, chunk, Chunk);
                }
            }
        }

        return hash.GetHashAndReset();
    }

    /// <summary>
    /// RTMR1: the kernel (Authenticode), the boot option, the separator, and the two events of leaving boot services. The kernel is that of the file: QEMU before 10.2 changed its header, which gives
    /// another value. Source: edk2, TdTcg2Dxe; TCG PC Client Platform Firmware Profile, "EV_EFI_ACTION".
    /// </summary>
    /// <returns>48 bytes.</returns>
    /// <exception cref="LaunchFileException">The kernel is no EFI program.</exception>
    public static byte[] MeasureKernel(LaunchImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Register(
            PeImage.Hash(image.Kernel.Span, HashAlgorithmName.SHA384),
            SHA384.HashData("Calling EFI Application from Boot Option"u8),
            SHA384.HashData([0, 0, 0, 0]),
            SHA384.HashData("Exit Boot Services Invocation"u8),
            SHA384.HashData("Exit Boot Services Returned with Success"u8));
    }

    /// <summary>RTMR2: the command line that the kernel's EFI stub sees, in UTF-16 with its zero, and the initrd. Source: Linux, drivers/firmware/efi/libstub.</summary>
    /// <returns>48 bytes.</returns>
    /// <exception cref="LaunchFileException">There is no initrd.</exception>
    public static byte[] MeasureCommandLine(LaunchImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Ramdisks.Count == 0)
        {
            throw new LaunchFileException("initrd", "is missing: which events RTMR2 has without one is not known here");
        }

        using IncrementalHash initrd = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        foreach (ReadOnlyMemory<byte> part in image.Ramdisks)
        {
            initrd.AppendData(part.Span);
        }

        return Register(SHA384.HashData(Encoding.Unicode.GetBytes(image.CommandLine + InitrdArgument + '\0')), initrd.GetHashAndReset());
    }

    /// <summary>A register that was extended with each of the digests: it becomes SHA-384 of itself and the digest.</summary>
    internal static byte[] Register(params ReadOnlySpan<byte[]> digests)
    {
        byte[] register = new byte[RegisterSize];
        foreach (byte[] digest in digests)
        {
            register = SHA384.HashData([.. register, .. digest]);
        }

        return register;
    }

    private static void Operation(IncrementalHash hash, ReadOnlySpan<byte> name, ulong address)
    {
        Span<byte> buffer = stackalloc byte[128];
        buffer.Clear();
        name.CopyTo(buffer);
        BinaryPrimitives.WriteUInt64LittleEndian(buffer[16..], address);
        hash.AppendData(buffer);
    }
}
