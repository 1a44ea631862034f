using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Snp;

/// <summary>The machine that starts a SEV-SNP guest, as far as it is measured.</summary>
/// <param name="VirtualCpus">1 to 512.</param>
/// <param name="CpuSignature">CPUID signature of QEMU's processor model (<see cref="SnpCpu"/>); the other hypervisors ignore it.</param>
/// <param name="Vmm">Who starts it.</param>
/// <param name="GuestFeatures">SEV_FEATURES: bit 0, SEV-SNP, has to be there.</param>
public sealed record SnpMachine(int VirtualCpus, uint CpuSignature, SnpVmm Vmm, ulong GuestFeatures)
{
    /// <summary>The most vCPUs.</summary>
    public const int MaximumCpus = 512;
}

/// <summary>
/// The launch digest of SEV-SNP: MEASUREMENT of the report. It starts as 48 zeros, and for each page becomes SHA-384 of 112 bytes: itself, the page's contents, u16 112, u8 type, u8 0, three bytes of
/// permissions (0), u8 0, u64 address. Contents are SHA-384 of pages that are measured, else zeros. Source: AMD, SEV Secure Nested Paging Firmware ABI (56860), SNP_LAUNCH_UPDATE.
/// </summary>
public static class SnpLaunch
{
    /// <summary>Of the digest.</summary>
    public const int DigestSize = 48;

    private const ulong VmsaAddress = 0xFFFFFFFFF000;
    private const byte Normal = 1;
    private const byte Vmsa = 2;
    private const byte Zero = 3;
    private const byte Unmeasured = 4;
    private const byte Secrets = 5;
    private const byte Cpuid = 6;

    /// <summary>Computes it: firmware, sections of its metadata in their order, a page for each vCPU.</summary>
    /// <param name="firmware">The firmware file.</param>
    /// <param name="image">What is booted directly, with <c>kernel-hashes=on</c>; null: nothing, and then the digest says nothing about any kernel.</param>
    /// <param name="machine">The rest.</param>
    /// <returns>48 bytes.</returns>
    /// <exception cref="LaunchFileException">The firmware is not for SEV-SNP, does not measure a kernel, or the machine cannot be.</exception>
    public static byte[] Measure(ReadOnlyMemory<byte> firmware, LaunchImage? image, SnpMachine machine)
    {
        SnpFirmware read = SnpFirmware.Read(firmware);
        return Measure(read, image is null ? null : SnpKernelHashes.Page(image, read.HashesOffset()), machine);
    }

    /// <summary>The same with the page of hashes; null: there is no kernel.</summary>
    internal static byte[] Measure(SnpFirmware read, byte[]? hashes, SnpMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (machine.VirtualCpus is < 1 or > SnpMachine.MaximumCpus)
        {
            throw new LaunchFileException("vCPUs", $"1 to {SnpMachine.MaximumCpus} are expected");
        }

        if ((machine.GuestFeatures & 1) == 0)
        {
            throw new LaunchFileException("guest features", $"0x{machine.GuestFeatures:x} is without bit 0, SEV-SNP: no such guest starts");
        }

        byte[] digest = MeasureFirmware(read.File);
        Sections(digest, read, hashes, machine.Vmm);
        byte[] first = SnpVmsa.Page(SnpVmsa.ResetEip, machine.CpuSignature, machine.GuestFeatures, machine.Vmm);
        Update(digest, Vmsa, VmsaAddress, first);
        if (machine.VirtualCpus > 1)
        {
            byte[] further = SnpVmsa.Page(read.ApResetEip, machine.CpuSignature, machine.GuestFeatures, machine.Vmm);
            for (int i = 1; i < machine.VirtualCpus; i++)
            {
                Update(digest, Vmsa, VmsaAddress, further);
            }
        }

        return digest;
    }

    /// <summary>The digest after the firmware's own pages.</summary>
    internal static byte[] MeasureFirmware(FirmwareFile file)
    {
        byte[] digest = new byte[DigestSize];
        for (int at = 0; at < file.Bytes.Length; at += FirmwareFile.PageSize)
        {
            Update(digest, Normal, file.Address + (ulong)at, file.Bytes.Span.Slice(at, FirmwareFile.PageSize));
        }

        return digest;
    }

    private static void Sections(byte[] digest, SnpFirmware firmware, byte[]? hashes, SnpVmm vmm)
    {
        // EC2 adds the CPUID page after all others.
        IEnumerable<SnpSection> order = vmm == SnpVmm.Ec2 ? firmware.Sections.OrderBy(section => section.Type == SnpSectionType.Cpuid) : firmware.Sections;
        foreach (SnpSection section in order)
        {
            byte type = section.Type switch
            {
                SnpSectionType.Secrets => Secrets,
                SnpSectionType.Cpuid => Cpuid,
                SnpSectionType.KernelHashes when hashes is not null => Normal,
                SnpSectionType.Memory when vmm == SnpVmm.Gce => Unmeasured,
                _ => Zero,
            };
            for (uint at = 0; at < section.Size; at += FirmwareFile.PageSize)
            {
                Update(digest, type, section.Address + at, type == Normal ? hashes : []);
            }
        }
    }

    // A page without bytes has contents of zeros.
    private static void Update(byte[] digest, byte type, ulong address, ReadOnlySpan<byte> page)
    {
        Span<byte> info = stackalloc byte[0x70];
        info.Clear();
        digest.CopyTo(info);
        if (!page.IsEmpty)
        {
            SHA384.HashData(page, info[48..]);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(info[96..], 0x70);
        info[98] = type;
        BinaryPrimitives.WriteUInt64LittleEndian(info[104..], address);
        SHA384.HashData(info, digest);
    }
}
