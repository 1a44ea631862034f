using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.LaunchMeasurement.Nitro;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>docs/vectors/launch-measurement-v1.json, structure by structure.</summary>
public sealed class VectorTests
{
    [Fact]
    public void Table_of_kernel_hashes()
    {
        byte[] page = SnpKernelHashes.Page(Files.Image, 0xC00);
        Assert.Equal((string)Files.Vectors["snp"]!["hashesTable"]!, Convert.ToHexStringLower(page.AsSpan(0xC00, SnpKernelHashes.Size)));
        Assert.True(page.AsSpan(0, 0xC00).IndexOfAnyExcept((byte)0) < 0 && page.AsSpan(0xC00 + SnpKernelHashes.Size).IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public void Registers_of_a_vCPU()
    {
        foreach (JsonNode? vector in Files.Vectors["snp"]!["vmsa"]!.AsArray())
        {
            byte[] page = SnpVmsa.Page(uint.Parse(((string)vector!["eip"]!)[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture), Cpu(vector), Features(vector), Vmm(vector));
            Assert.True((string)vector["sha384"]! == Convert.ToHexStringLower(SHA384.HashData(page)), vector.ToJsonString());
        }
    }

    [Fact]
    public void Launch_digests()
    {
        byte[] firmware = Files.SnpFirmware();
        foreach (JsonNode? vector in Files.Vectors["snp"]!["launches"]!.AsArray())
        {
            SnpMachine machine = new((int)vector!["cpus"]!, Cpu(vector), Vmm(vector), Features(vector));
            byte[] digest = SnpLaunch.Measure(firmware, (bool)vector["kernel"]! ? Files.Image : null, machine);
            Assert.True((string)vector["measurement"]! == Convert.ToHexStringLower(digest), vector.ToJsonString());
        }
    }

    [Fact]
    public void Registers_of_TDX()
    {
        JsonNode tdx = Files.Vectors["tdx"]!;
        foreach (JsonNode? vector in tdx["firmware"]!.AsArray())
        {
            Assert.Equal((string)vector!["mrtd"]!, Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(Files.Bytes(vector["file"]))));
        }

        foreach (JsonNode? vector in tdx["authenticode"]!.AsArray())
        {
            Assert.Equal((string)vector!["sha384"]!, Convert.ToHexStringLower(PeImage.Hash(Files.Bytes(vector["kernel"]), HashAlgorithmName.SHA384)));
        }

        Assert.Equal((string)tdx["rtmr1"]!, Convert.ToHexStringLower(TdxLaunch.MeasureKernel(Files.Image)));
        Assert.Equal((string)tdx["rtmr2"]!, Convert.ToHexStringLower(TdxLaunch.MeasureCommandLine(Files.Image)));
    }

    [Fact]
    public void Enclave_image_file()
    {
        JsonNode nitro = Files.Vectors["nitro"]!;
        NitroRegisters registers = NitroImage.Measure(Files.Image);
        Assert.Equal(((string)nitro["pcr0"]!, (string)nitro["pcr1"]!, (string)nitro["pcr2"]!), (Convert.ToHexStringLower(registers.Pcr0), Convert.ToHexStringLower(registers.Pcr1), Convert.ToHexStringLower(registers.Pcr2)));
        JsonNode metadata = nitro["metadata"]!;
        byte[] file = NitroImage.Write(Files.Image, new NitroMetadata((string)metadata["name"]!, (string)metadata["version"]!, (string)metadata["kernel"]!));
        Assert.Equal((string)nitro["eifHeader"]!, Convert.ToHexStringLower(file.AsSpan(0, NitroImage.HeaderSize)));
        Assert.Equal((string)nitro["eifSha256"]!, Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    private static uint Cpu(JsonNode vector) => SnpCpu.TryParse((string)vector["cpu"]!, out uint signature) ? signature : throw new InvalidOperationException(vector.ToJsonString());

    private static ulong Features(JsonNode vector) => ulong.Parse(((string)vector["features"]!)[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static SnpVmm Vmm(JsonNode vector) => Enum.Parse<SnpVmm>((string)vector["vmm"]!, ignoreCase: true);
}
