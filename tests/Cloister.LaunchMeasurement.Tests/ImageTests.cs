using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Cloister.LaunchMeasurement.Nitro;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>Images: what they may be, what each part changes, and the file that Nitro takes.</summary>
public sealed class ImageTests
{
    private static readonly SnpMachine Machine = new(1, 0xA00F11, SnpVmm.Qemu, 1);

    [Fact]
    public void Whatever_a_host_changes_gives_another_measurement()
    {
        LaunchImage image = Files.Image;
        byte[] other = image.Kernel.ToArray();
        other[^1] ^= 1;
        LaunchImage[] images =
        [
            image, new(other, image.Ramdisks, image.CommandLine), new(image.Kernel, image.Ramdisks, image.CommandLine + " "),
            new(image.Kernel, [image.Ramdisks[0]], image.CommandLine), new(image.Kernel, [image.Ramdisks[1], image.Ramdisks[0]], image.CommandLine),
        ];
        Assert.Equal(images.Length, images.Select(one => Convert.ToHexString(SnpLaunch.Measure(Files.SnpFirmware(), one, Machine))).Distinct().Count());
        Assert.Equal(images.Length, images.Select(one => Convert.ToHexString([.. TdxLaunch.MeasureKernel(one), .. TdxLaunch.MeasureCommandLine(one)])).Distinct().Count());
        Assert.Equal(images.Length, images.Select(one => Convert.ToHexString(NitroImage.Measure(one).Pcr0)).Distinct().Count());
        SnpMachine[] machines = [Machine, Machine with { VirtualCpus = 2 }, Machine with { CpuSignature = 0x800F12 }, Machine with { GuestFeatures = 0x21 }, Machine with { Vmm = SnpVmm.Ec2 }, Machine with { Vmm = SnpVmm.Gce }];
        Assert.Equal(machines.Length, machines.Select(one => Convert.ToHexString(SnpLaunch.Measure(Files.SnpFirmware(), image, one))).Distinct().Count());
    }

    [Fact]
    public void Parts_of_an_initrd_are_one_for_a_hypervisor_and_sections_for_Nitro()
    {
        LaunchImage image = Files.Image;
        LaunchImage joined = new(image.Kernel, [(byte[])[.. image.Ramdisks[0].Span, .. image.Ramdisks[1].Span]], image.CommandLine);
        Assert.Equal(SnpLaunch.Measure(Files.SnpFirmware(), image, Machine), SnpLaunch.Measure(Files.SnpFirmware(), joined, Machine));
        Assert.Equal(TdxLaunch.MeasureCommandLine(image), TdxLaunch.MeasureCommandLine(joined));
        Assert.Equal(NitroImage.Measure(image).Pcr0, NitroImage.Measure(joined).Pcr0);
        Assert.NotEqual(NitroImage.Measure(image).Pcr1, NitroImage.Measure(joined).Pcr1);
    }

    // Attestation documents of enclaves whose image has one ramdisk have this PCR2, and the same value in PCR0 and PCR1. Source: values that users of StageX's images published.
    [Fact]
    public void With_one_part_PCR2_is_the_published_one_and_PCR1_is_PCR0()
    {
        NitroRegisters registers = NitroImage.Measure(new LaunchImage(Files.Image.Kernel, [Files.Image.Ramdisks[0]], "x"));
        Assert.Equal("21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a", Convert.ToHexStringLower(registers.Pcr2));
        Assert.Equal(registers.Pcr0, registers.Pcr1);
    }

    [Fact]
    public void The_checksum_of_an_EIF_is_that_of_gzip()
    {
        byte[] file = NitroImage.Write(Files.Image, new NitroMetadata("enclave", "1", "6.12"));
        using MemoryStream compressed = new();
        using (GZipStream gzip = new(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(file.AsSpan(0, NitroImage.HeaderSize - 4));
            gzip.Write(file.AsSpan(NitroImage.HeaderSize));
        }

        uint expected = BinaryPrimitives.ReadUInt32LittleEndian(compressed.ToArray().AsSpan()[^8..]);
        Assert.Equal(expected, BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(NitroImage.HeaderSize - 4)));
        Assert.Contains("\"ImageName\":\"enclave\"", Encoding.UTF8.GetString(file), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_image_is_refused()
    {
        ReadOnlyMemory<byte> some = new byte[] { 1 };
        Refused("kernel", () => new LaunchImage(default, [], ""));
        Refused("initrd", () => new LaunchImage(some, [default], ""));
        Refused("initrd", () => new LaunchImage(some, [.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[1 << 20], 1025)], ""));
        foreach (string line in (string[])["quiet\n", "a\0b", "tab\t", "caf\u00e9", new('x', 2048)])
        {
            Refused("command line", () => new LaunchImage(some, [], line));
        }

        Refused("initrd", () => NitroImage.Measure(new LaunchImage(some, [], "")));
        Refused("initrd", () => NitroImage.Write(new LaunchImage(some, [.. Enumerable.Repeat(some, 30)], ""), new NitroMetadata("", "", "")));
        Refused("initrd", () => TdxLaunch.MeasureCommandLine(new LaunchImage(some, [], "")));
        Refused("vCPUs", () => SnpLaunch.Measure(Files.SnpFirmware(), Files.Image, Machine with { VirtualCpus = 0 }));
        Refused("vCPUs", () => SnpLaunch.Measure(Files.SnpFirmware(), Files.Image, Machine with { VirtualCpus = 513 }));
        Refused("guest features", () => SnpLaunch.Measure(Files.SnpFirmware(), Files.Image, Machine with { GuestFeatures = 0x20 }));
    }

    [Theory]
    [InlineData("EPYC", 0x800F12)]
    [InlineData("epyc-v4", 0x800F12)]
    [InlineData("EPYC-IBPB", 0x800F12)]
    [InlineData("EPYC-Rome-v3", 0x830F10)]
    [InlineData("EPYC-Milan", 0xA00F11)]
    [InlineData("EPYC-Genoa-v1", 0xA10F10)]
    [InlineData("EPYC-Turin", 0xB00F00)]
    [InlineData("0xA00f11", 0xA00F11)]
    public void Names_of_processors_are_QEMUs(string name, uint signature)
    {
        Assert.True(SnpCpu.TryParse(name, out uint read));
        Assert.Equal(signature, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("EPYC-")]
    [InlineData("EPYC-v")]
    [InlineData("EPYC-v123")]
    [InlineData("EPYC-Naples")]
    [InlineData("host")]
    [InlineData("0x")]
    [InlineData("0x0")]
    [InlineData("0x123456789")]
    [InlineData("10489617")]
    public void Other_names_are_not_taken(string name) => Assert.False(SnpCpu.TryParse(name, out _));

    private static void Refused(string subject, Func<object> action) => Assert.Equal(subject, Assert.Throws<LaunchFileException>(action).Subject);
}
