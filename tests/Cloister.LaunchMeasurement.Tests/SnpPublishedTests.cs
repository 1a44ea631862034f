using Cloister.LaunchMeasurement.Firmware;
using Cloister.LaunchMeasurement.Snp;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>Launch digests that others published, of the last page of two builds of OVMF (Published/README.md), with an empty kernel and an empty initrd.</summary>
public sealed class SnpPublishedTests
{
    private const string Measured = "ovmf_AmdSev_suffix.bin";
    private const string Plain = "ovmf_OvmfX64_suffix.bin";

    // Source: virtee/sev 8.0.0, tests/measurement.rs; the two of EC2 and Google: virtee/sev-snp-measure 0.0.13, tests/test_guest.py.
    public static TheoryData<string, SnpVmm, int, ulong, string?, string> Digests => new()
    {
        { Measured, SnpVmm.Qemu, 1, 0x01, "console=ttyS0 loglevel=7", "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa" },
        { Measured, SnpVmm.Qemu, 1, 0x21, "console=ttyS0 loglevel=7", "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977" },
        { Measured, SnpVmm.Qemu, 1, 0x01, "", "ddc5224521617a536ee7ce9dd6224d1b58a8d4fda1c741f3ac99fc4bfa04ba6e9fc98646d4a07a9079397fa3852819b5" },
        { Measured, SnpVmm.Qemu, 1, 0x21, "", "329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198" },
        { Measured, SnpVmm.Qemu, 1, 0x01, null, "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d" },
        { Measured, SnpVmm.Qemu, 1, 0x21, null, "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b" },
        { Measured, SnpVmm.Qemu, 4, 0x01, "", "5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5" },
        { Measured, SnpVmm.Qemu, 4, 0x21, "", "4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942" },
        { Measured, SnpVmm.Ec2, 1, 0x01, "", "0883bd0eeb716e65b7b977a321c278d1e51b33b5c655fab985443bbcc65c086b9c15e8a0bd8811050dec7e24964e5056" },
        { Measured, SnpVmm.Gce, 4, 0x01, "", "5c5debf100fc339f90276e761ee1f1658d08922c3b20e2a2e6c7a6c3370b2452a15a00eae11886a93d6fd1e7ab81e29d" },
        { Plain, SnpVmm.Qemu, 1, 0x01, null, "da0296de8193586a5512078dcd719eccecbd87e2b825ad4148c44f665dc87df21e5b49e21523a9ad993afdb6a30b4005" },
        { Plain, SnpVmm.Qemu, 1, 0x21, null, "28797ae0afaba4005a81e629acebfb59e6687949d6be44007cd5506823b0dd66f146aaae26ff291eed7b493d8a64c385" },
    };

    [Theory]
    [MemberData(nameof(Digests))]
    public void A_published_digest_is_reproduced(string firmware, SnpVmm vmm, int cpus, ulong features, string? commandLine, string expected)
    {
        Assert.True(SnpCpu.TryParse("EPYC-v4", out uint signature));
        SnpFirmware read = SnpFirmware.Read(Files.Published(firmware));

        // A real image has a kernel; the published one is empty, so the page of hashes is built from its parts.
        byte[]? hashes = commandLine is null ? null : SnpKernelHashes.Page([], [], commandLine, read.HashesOffset());
        Assert.Equal(expected, Convert.ToHexStringLower(SnpLaunch.Measure(read, hashes, new SnpMachine(cpus, signature, vmm, features))));
    }

    [Fact]
    public void The_firmware_alone_has_its_published_digest() => Assert.Equal(
        "086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74",
        Convert.ToHexStringLower(SnpLaunch.MeasureFirmware(FirmwareFile.Read(Files.Published(Measured)))));

    [Fact]
    public void A_kernel_that_the_firmware_would_not_measure_is_refused()
    {
        LaunchFileException refused = Assert.Throws<LaunchFileException>(() => SnpLaunch.Measure(Files.Published(Plain), Files.AnyImage, new SnpMachine(1, 0x800F12, SnpVmm.Qemu, 1)));
        Assert.Equal("firmware", refused.Subject);
        Assert.Contains("no place for the hashes", refused.Message, StringComparison.Ordinal);
    }
}
