using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.LaunchMeasurement.Nitro;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>Files that others made: Debian's firmware, an enclave image file of AWS's tools (both from eng/launch-harness), signatures by osslsigncode.</summary>
public sealed class RealFilesTests
{
    // SHA-256 of a file of Debian's, and what the implementation that made the vectors computes of it. Another version is measured too, and compared with nothing.
    private static readonly (string File, string Expected) Amdsev = (
        "3e4fd0b3fe3b2dbe481c3d9e99418a034174f26cbe1f55aa212b0f18c12d2d6f", "10c3d118dd1fce862f216a2fb3a0a60dad66db3c2c5063fefa8419f45646507ffd55c06275ed085c54d397e4b3c2dad4");

    private static readonly (string File, string Expected) Inteltdx = (
        "a265075b4147a096109e501e76196df1ec8a18659c26f7401492c597ec88f312", "a7a1f751abc454f9cbab198ca8d2edb2821935df525c74182b5e776cb0929e8c59aefecce725b0d08a5e9d3d3183bd08");

    [Fact]
    public async Task Debians_firmware_for_SNP_measures_kernel_initrd_and_command_line()
    {
        byte[] firmware = await ReadAsync("usr/share/ovmf", "OVMF.amdsev*.fd");
        SnpMachine machine = new(1, 0x800F12, SnpVmm.Qemu, 1);
        string digest = Convert.ToHexStringLower(SnpLaunch.Measure(firmware, Files.Image, machine));
        Known(firmware, Amdsev, digest);
        Assert.NotEqual(digest, Convert.ToHexStringLower(SnpLaunch.Measure(firmware, new LaunchImage(Files.Image.Kernel, Files.Image.Ramdisks, "other"), machine)));

        // The firmware for TDX has SEV metadata too, and nowhere to put hashes.
        LaunchFileException refused = Assert.Throws<LaunchFileException>(() => SnpLaunch.Measure(Tdx().Result, Files.Image, machine));
        Assert.Equal("firmware", refused.Subject);
    }

    [Fact]
    public async Task Debians_firmware_for_TDX_has_an_MRTD()
    {
        byte[] firmware = await Tdx();
        string mrtd = Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(firmware));
        Known(firmware, Inteltdx, mrtd);
        firmware[firmware.Length / 2] ^= 1;
        Assert.NotEqual(mrtd, Convert.ToHexStringLower(TdxLaunch.MeasureFirmware(firmware)));
    }

    // Sections, header and checksum of a file that AWS's tools wrote: ours puts them together to the same bytes.
    [Fact]
    public async Task An_enclave_image_file_of_AWS_is_reproduced_from_its_sections()
    {
        byte[] file = await ReadAsync("usr/share/cargo/registry", "hello.eif");
        List<(ushort Type, ReadOnlyMemory<byte> Data)> sections = [];
        for (int at = NitroImage.HeaderSize; at < file.Length;)
        {
            int size = (int)BinaryPrimitives.ReadUInt64BigEndian(file.AsSpan(at + 4));
            sections.Add((BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(at)), file.AsMemory(at + NitroImage.SectionHeaderSize, size)));
            at += NitroImage.SectionHeaderSize + size;
        }

        Assert.Equal([1, 2, 5, 3, 3], sections.Select(section => (int)section.Type));
        byte[] ours = NitroImage.Assemble(BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(6)), sections);
        Assert.True(file.AsSpan().SequenceEqual(ours));
    }

    [Fact]
    public async Task What_is_measured_of_a_kernel_is_what_its_signature_is_over()
    {
        if (!OnPath("osslsigncode"))
        {
            Assert.Skip("osslsigncode is not installed: make setup");
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("cloister-pe.");
        try
        {
            string In(string name) => Path.Combine(folder.FullName, name);
            using RSA key = RSA.Create(2048);
            DateTimeOffset now = DateTimeOffset.UtcNow;
            using X509Certificate2 certificate = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
            await File.WriteAllTextAsync(In("key.pem"), key.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(In("certificate.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
            await File.WriteAllBytesAsync(In("kernel"), Files.Image.Kernel.ToArray(), TestContext.Current.CancellationToken);
            (int code, string text) = await RunAsync("osslsigncode", ["sign", "-certs", In("certificate.pem"), "-key", In("key.pem"), "-h", "sha384", "-in", In("kernel"), "-out", In("signed")]);
            Assert.True(code == 0, text);
            byte[] signed = await File.ReadAllBytesAsync(In("signed"), TestContext.Current.CancellationToken);
            Assert.NotEqual(Files.Image.Kernel.Length, signed.Length);

            // It says that it does not know who signed: what counts is the digest that it computes and found in the signature.
            (_, text) = await RunAsync("osslsigncode", ["verify", "-in", In("signed")]);
            string ours = Convert.ToHexString(PeImage.Hash(signed, HashAlgorithmName.SHA384));
            Assert.True(text.Contains($"Current message digest    : {ours}", StringComparison.Ordinal) && text.Contains($"Calculated message digest : {ours}", StringComparison.Ordinal), text);
            Assert.Equal(ours, Convert.ToHexString(PeImage.Hash(Files.Image.Kernel.Span, HashAlgorithmName.SHA384)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Debian signs its kernels with SHA-256.
    [Fact]
    public async Task What_is_measured_of_Debians_kernel_is_what_Debian_signed()
    {
        string kernel = Path.Combine(Files.RepositoryRoot, "artifacts", "enclave-vm", "vmlinuz");
        if (!File.Exists(kernel) || !OnPath("osslsigncode"))
        {
            Assert.Skip("needs artifacts/enclave-vm/vmlinuz (make enclave-vm) and osslsigncode (make setup)");
        }

        (_, string text) = await RunAsync("osslsigncode", ["verify", "-in", kernel]);
        string ours = Convert.ToHexString(PeImage.Hash(await File.ReadAllBytesAsync(kernel, TestContext.Current.CancellationToken), HashAlgorithmName.SHA256));
        Assert.True(text.Contains($"Current message digest    : {ours}", StringComparison.Ordinal), text);
    }

    private static Task<byte[]> Tdx() => ReadAsync("usr/share/ovmf", "OVMF.inteltdx*.fd");

    private static void Known(byte[] file, (string File, string Expected) known, string measured)
    {
        if (Convert.ToHexStringLower(SHA256.HashData(file)) == known.File)
        {
            Assert.Equal(known.Expected, measured);
        }
    }

    private static async Task<byte[]> ReadAsync(string below, string name)
    {
        (int code, string text) = await RunAsync(Path.Combine(Files.RepositoryRoot, "eng", "launch-harness"), []);
        if (code == 77)
        {
            Assert.Skip(text.Trim());
        }

        Assert.True(code == 0, text);
        string root = text.TrimEnd().Split('\n')[^1];
        string found = Directory.EnumerateFiles(Path.Combine(root, below), name, SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        return await File.ReadAllBytesAsync(found, TestContext.Current.CancellationToken);
    }

    private static bool OnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static async Task<(int Code, string Text)> RunAsync(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await errors + output);
    }
}
