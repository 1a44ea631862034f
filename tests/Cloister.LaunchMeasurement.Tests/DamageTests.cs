using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>Firmware files and kernels that are cut, enlarged or contradict themselves: one clear error, nothing else.</summary>
public sealed class DamageTests
{
    private static readonly SnpMachine Machine = new(2, 0xA00F11, SnpVmm.Qemu, 1);

    // Before the end of the vectors' firmware: where the metadata stand, and where the table of GUIDs ends.
    private const int AsevFromEnd = 0x300;
    private const int TdvfFromEnd = 0x400;
    private const int FooterFromEnd = 32 + 18;

    public static TheoryData<string, int, uint, string> SnpDamages => new()
    {
        // what, byte (from the end), u32 that is written there, what the error says
        { "signature", AsevFromEnd, 0, "signature" },
        { "version", AsevFromEnd - 8, 2, "version" },
        { "no section", AsevFromEnd - 12, 0, "does not fit" },
        { "more sections than bytes", AsevFromEnd - 12, 6, "does not fit" },
        { "sections without end", AsevFromEnd - 12, 0xFFFFFFFF, "does not fit" },
        { "size", AsevFromEnd - 4, 0xFFFFFFFF, "does not fit" },
        { "section of another type", AsevFromEnd - 16 - 8, 5, "type 0x5" },
        { "section of a type above all", AsevFromEnd - 16 - 8, 0xFFFFFFFF, "type 0xffffffff" },
        { "no whole page", AsevFromEnd - 16 - 4, 0x2001, "whole pages" },
        { "address within a page", AsevFromEnd - 16, 0x800010, "whole pages" },
        { "all of memory", AsevFromEnd - 16 - 4, 0xFFFFF000, "MiB together" },
        { "overlap", AsevFromEnd - 16 - 4, 0x3000, "overlap" },
        { "in the firmware", AsevFromEnd - 16, 0xFFFFF000, "overlap" },
        { "beyond 4 GiB", AsevFromEnd - 16 - 4, 0x0FFFF000, "overlap" },
        { "two pages of CPUID", AsevFromEnd - 16 - (2 * 12) - 8, 3, "more than one page" },
        { "hashes elsewhere", FooterFromEnd + 22 + 26, 0x805C00, "not in its section" },
        { "hashes at the end of the page", FooterFromEnd + 22 + 26, 0x806F60, "not in its section" },
        { "hashes nowhere", FooterFromEnd + 22 + 26, 0, "no place for the hashes" },
        { "metadata outside", FooterFromEnd + 22, 0x7FFFFFFF, "not in the file" },
        { "metadata at the very end", FooterFromEnd + 22, 8, "not in the file" },
    };

    public static TheoryData<string, int, uint, string> TdxDamages => new()
    {
        { "signature", TdvfFromEnd, 0, "signature" },
        { "version", TdvfFromEnd - 8, 2, "version" },
        { "sections without end", TdvfFromEnd - 12, 0x10000000, "does not fit" },
        { "offset", TdvfFromEnd - 16, 0x1001, "more bytes than the file" },
        { "length", TdvfFromEnd - 16 - 4, 0xFFFFFFFF, "more bytes than the file" },
        { "more of the file than memory", TdvfFromEnd - 48 - 4, 0x1001, "more bytes than the file or its memory" },
        { "volume without bytes", TdvfFromEnd - 16 - 4, 0, "volume without bytes" },
        { "memory with bytes", TdvfFromEnd - 80 - 4, 16, "memory with bytes" },
        { "address within a page", TdvfFromEnd - 16 - 8, 0xFFFFE001, "whole pages" },
        { "overlap", TdvfFromEnd - 80 - 8, 0x811000, "overlap" },
        { "terabytes", TdvfFromEnd - 112 - 20, 1024, "MiB together" },
        { "type", TdvfFromEnd - 16 - 24, 9, "type 9" },
        { "type above all", TdvfFromEnd - 16 - 24, 0xFFFFFFFF, "type 4294967295" },
        { "all attributes", TdvfFromEnd - 16 - 28, 0xFFFFFFFF, "attributes 0xffffffff" },
        { "address at the end of all memory", TdvfFromEnd - 16 - 12, 0xFFFFFFFF, "beyond the end" },
        { "attributes", TdvfFromEnd - 16 - 28, 4, "attributes 0x4" },
        { "measured and added later", TdvfFromEnd - 16 - 28, 3, "attributes 0x3" },
    };

    [Theory]
    [MemberData(nameof(SnpDamages))]
    public void Metadata_for_SNP_that_contradict_themselves_are_refused(string what, int fromEnd, uint value, string because)
    {
        byte[] firmware = Files.SnpFirmware();
        Assert.NotEmpty(SnpLaunch.Measure(firmware, Files.Image, Machine));
        BinaryPrimitives.WriteUInt32LittleEndian(firmware.AsSpan(firmware.Length - fromEnd), value);
        LaunchFileException refused = Assert.Throws<LaunchFileException>(() => SnpLaunch.Measure(firmware, Files.Image, Machine));
        Assert.True(refused.Message.Contains(because, StringComparison.Ordinal), $"{what}: {refused.Message}");
    }

    [Theory]
    [MemberData(nameof(TdxDamages))]
    public void Metadata_for_TDX_that_contradict_themselves_are_refused(string what, int fromEnd, uint value, string because)
    {
        byte[] firmware = Files.TdxFirmware();
        Assert.NotEmpty(TdxLaunch.MeasureFirmware(firmware));
        BinaryPrimitives.WriteUInt32LittleEndian(firmware.AsSpan(firmware.Length - fromEnd), value);
        LaunchFileException refused = Assert.Throws<LaunchFileException>(() => TdxLaunch.MeasureFirmware(firmware));
        Assert.True(refused.Message.Contains(because, StringComparison.Ordinal), $"{what}: {refused.Message}");
    }

    [Fact]
    public void Memory_that_is_added_after_the_launch_is_not_measured()
    {
        byte[] firmware = Files.TdxFirmware();
        string before = Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(firmware));
        BinaryPrimitives.WriteUInt32LittleEndian(firmware.AsSpan(firmware.Length - (TdvfFromEnd - 112 - 28)), 2);
        string without = Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(firmware));
        BinaryPrimitives.WriteUInt64LittleEndian(firmware.AsSpan(firmware.Length - (TdvfFromEnd - 112 - 16)), 1ul << 40);
        Assert.NotEqual(before, without);

        // The table itself lies in the boot volume, which is measured.
        Assert.NotEqual(without, Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(firmware)));
    }

    [Fact]
    public void A_firmware_file_of_any_other_length_is_refused()
    {
        byte[] firmware = Files.SnpFirmware();
        foreach (byte[] cut in (byte[][])[[], firmware[..1], firmware[..4095], firmware[..4096], firmware[..^1], [.. firmware, 0], [.. firmware, .. new byte[4096]], new byte[(16 << 20) + 4096]])
        {
            LaunchFileException refused = Assert.Throws<LaunchFileException>(() => SnpLaunch.Measure(cut, Files.Image, Machine));
            Assert.Equal("firmware", refused.Subject);
            Assert.Equal("firmware", Assert.Throws<LaunchFileException>(() => TdxLaunch.MeasureFirmware(cut)).Subject);
        }
    }

    [Fact]
    public void Firmware_for_the_other_TEE_says_what_is_missing()
    {
        Assert.Contains("no SEV metadata", Assert.Throws<LaunchFileException>(() => SnpLaunch.Measure(Files.TdxFirmware(), Files.Image, Machine)).Message, StringComparison.Ordinal);
        Assert.Contains("no TDVF metadata", Assert.Throws<LaunchFileException>(() => TdxLaunch.MeasureFirmware(Files.SnpFirmware())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_byte_of_the_table_may_be_wrong()
    {
        int refusals = 0;
        for (int at = 32; at < 32 + 18 + 22 + 26 + 22; at++)
        {
            foreach (byte value in (byte[])[0, 1, 0x7F, 0xFF])
            {
                byte[] firmware = Files.SnpFirmware();
                firmware[^(at + 1)] = value;
                refusals += Refuses(() => SnpLaunch.Measure(firmware, Files.Image, Machine)) ? 1 : 0;
            }
        }

        // Not all are wrong: a byte may be what it was, or the address of an entry that nothing else hangs on.
        Assert.InRange(refusals, 200, (18 + 22 + 26 + 22) * 4);
    }

    [Fact]
    public void A_kernel_cut_anywhere_is_refused_or_has_another_hash()
    {
        byte[] kernel = Files.Image.Kernel.ToArray();
        HashSet<string> hashes = [Convert.ToHexString(PeImage.Hash(kernel, HashAlgorithmName.SHA384))];
        int refused = 0;
        for (int length = 0; length < kernel.Length; length++)
        {
            if (Refuses(() => hashes.Add(Convert.ToHexString(PeImage.Hash(kernel.AsSpan(0, length), HashAlgorithmName.SHA384)))))
            {
                refused++;
            }
        }

        // Only what follows the last section may be cut away.
        Assert.Equal(0xA00, refused);
        Assert.Equal(kernel.Length - 0xA00 + 1, hashes.Count);
    }

    public static TheoryData<string, int, uint> PeDamages => new()
    {
        { "no EFI program", 0, 0 }, { "header outside", 0x3C, 0x7FFFFFF0 }, { "header beyond 32 bits", 0x3C, 0xFFFFFFF0 }, { "no PE", 0x80, 0 }, { "kind", 0x98, 0x107 },
        { "headers too short", 0x98 + 60, 0x80 }, { "headers too long", 0x98 + 60, 0x7FFFFFFF }, { "section outside", 0x98 + 160 + 20, 0xFFFFFF00 },
        { "section too long", 0x98 + 160 + 16, 0xFFFFFFFF }, { "signature longer than what is left", 0x98 + 112 + 36, 0x49 },
    };

    [Theory]
    [MemberData(nameof(PeDamages))]
    public void A_kernel_that_contradicts_itself_is_refused(string what, int at, uint value)
    {
        byte[] kernel = Files.Image.Kernel.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(at), value);
        LaunchFileException refused = Assert.Throws<LaunchFileException>(() => PeImage.Hash(kernel, HashAlgorithmName.SHA384));
        Assert.True(refused.Subject == "kernel", what);
    }

    private static bool Refuses(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (LaunchFileException)
        {
            return true;
        }
    }
}
