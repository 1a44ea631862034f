using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Vm;

/// <summary>What <c>cloister vm run</c> prints for QEMU, systemd and libvirt, and what it refuses. That such machines boot without a TEE, tests/Cloister.EnclaveVm.Tests shows.</summary>
public sealed class VmRunTests : IDisposable
{
    private const string Configuration = "apiVersion: cloister.dev/v1alpha1\nkind: EnclaveConfiguration\nkms:\n  listen: vsock:7400\n";

    private readonly ScratchFolder _folder = new();

    public VmRunTests()
    {
        MakeImage(_folder["image"], "cloister-enclave");
        MakeImage(_folder["simulated"], "cloister-enclave-sim");
        File.WriteAllText(_folder["enclave.yaml"], Configuration);
        File.WriteAllText(_folder["OVMF.fd"], "firmware");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task SEV_SNP_has_kernel_hashes_the_digest_of_the_configuration_and_one_processor()
    {
        string line = await PrintAsync("qemu", "image", "--tee", "snp", "--firmware", _folder["OVMF.fd"], "--port", "7400");
        string digest = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Configuration)));
        Assert.Contains($"-object sev-snp-guest,id=tee,cbitpos=51,reduced-phys-bits=1,policy=0x30000,kernel-hashes=on,host-data={digest} ", line, StringComparison.Ordinal);
        Assert.Contains("-machine q35,confidential-guest-support=tee,memory-backend=memory ", line, StringComparison.Ordinal);
        Assert.Contains($"-bios {_folder["OVMF.fd"]} ", line, StringComparison.Ordinal);
        Assert.Contains("-accel kvm -cpu EPYC-v4 -smp 1 -m 384M ", line, StringComparison.Ordinal);
        Assert.Contains("-append 'console=ttyS0 acpi=off' ", line, StringComparison.Ordinal);
        Assert.EndsWith("-netdev user,id=net,hostfwd=tcp:127.0.0.1:7400-:7400 -device virtio-net-pci,netdev=net,romfile=,disable-legacy=on,iommu_platform=on\n", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TDX_has_the_digest_of_the_configuration()
    {
        string line = await PrintAsync("qemu", "image", "--tee", "tdx", "--firmware", _folder["OVMF.fd"], "--port", "7400");
        string digest = Convert.ToBase64String(SHA384.HashData(Encoding.UTF8.GetBytes(Configuration)));
        Assert.Contains($"\"mrconfigid\":\"{digest}\"", line, StringComparison.Ordinal);
        Assert.Contains("-machine q35,confidential-guest-support=tee,kernel-irqchip=split ", line, StringComparison.Ordinal);
    }

    // No monitor, no second console, no disk, no sound, no USB, and a network device only where it is wanted.
    [Fact]
    public async Task There_is_no_device_that_is_not_needed()
    {
        string line = await PrintAsync("qemu", "simulated", "--tee", "none", "--vsock-socket", "/run/vsock.sock");
        Assert.Contains("-nodefaults -no-user-config -no-reboot -display none -monitor none ", line, StringComparison.Ordinal);
        Assert.Equal(["-device vhost-user-vsock-pci,chardev=vsock"], System.Text.RegularExpressions.Regex.Matches(line, "-device [^ \n]+").Select(match => match.Value));
        Assert.DoesNotContain("-netdev", line, StringComparison.Ordinal);
        Assert.DoesNotContain("virtio-rng", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_initramfs_has_the_configuration_behind_it()
    {
        await PrintAsync("qemu", "simulated", "--tee", "none", "--port", "7400");
        byte[] initrd = await File.ReadAllBytesAsync(_folder["state/initrd.img"], TestContext.Current.CancellationToken);
        Assert.Equal("initramfs", Encoding.ASCII.GetString(initrd, 0, 9));
        Assert.All(initrd[9..512], zero => Assert.Equal(0, zero));
        string archive = Encoding.ASCII.GetString(initrd, 512, initrd.Length - 512);
        Assert.StartsWith("070701", archive, StringComparison.Ordinal);
        Assert.Contains("etc/cloister/enclave.yaml\0", archive, StringComparison.Ordinal);
        Assert.Contains(Configuration, archive, StringComparison.Ordinal);
        Assert.Contains("address 10.0.2.15/24\ngateway 10.0.2.2\n", archive, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_of_libvirt_says_the_same()
    {
        XElement domain = XElement.Parse(await PrintAsync("libvirt", "image", "--tee", "snp", "--firmware", _folder["OVMF.fd"], "--port", "7400"));
        Assert.Equal("sev-snp", (string?)domain.Element("launchSecurity")?.Attribute("type"));
        Assert.Equal("yes", (string?)domain.Element("launchSecurity")?.Attribute("kernelHashes"));
        Assert.Equal(Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Configuration))), domain.Element("launchSecurity")?.Element("hostData")?.Value);
        Assert.Equal(_folder["state/initrd.img"], domain.Element("os")?.Element("initrd")?.Value);
        Assert.Equal("console=ttyS0 acpi=off", domain.Element("os")?.Element("cmdline")?.Value);
        Assert.Equal("none", (string?)domain.Element("devices")?.Element("memballoon")?.Attribute("model"));
        Assert.Equal("destroy", domain.Element("on_reboot")?.Value);
    }

    [Fact]
    public async Task A_unit_of_systemd_starts_this_command_and_is_started_when_it_is_ready()
    {
        CliResult printed = await RunAsync("image", "--tee", "snp", "--firmware", _folder["OVMF.fd"], "--port", "7400", "--print", "systemd");
        Assert.Equal(ExitCode.Done, printed.ExitCode);
        Assert.Contains(
            $"\nExecStart=/usr/local/bin/cloister vm run --image {_folder["image"]} --config {_folder["enclave.yaml"]} --tee snp --firmware {_folder["OVMF.fd"]} --port 7400\n", printed.Output, StringComparison.Ordinal);
        Assert.Contains("\nType=notify\n", printed.Output, StringComparison.Ordinal);
        Assert.Contains("\nRestart=always\n", printed.Output, StringComparison.Ordinal);
    }

    // The file that is shipped is what is printed.
    [Fact]
    public async Task The_unit_in_deploy_is_printed_by_this_command()
    {
        string shipped = await File.ReadAllTextAsync(Path.Combine(Programs.RepositoryRoot, "deploy/systemd/cloister-enclave-vm.service"), TestContext.Current.CancellationToken);
        CliResult printed = await RunAsync("image", "--tee", "snp", "--firmware", _folder["OVMF.fd"], "--port", "7400", "--print", "systemd");
        static string WithoutStart(string unit) => string.Join('\n', unit.Split('\n').Where(line => !line.StartsWith("ExecStart=", StringComparison.Ordinal) && !line.StartsWith('#')));
        Assert.Equal(WithoutStart(printed.Output), WithoutStart(shipped));
    }

    [Theory]
    [InlineData("image", "--tee none --port 7400 --firmware /x", "--firmware is for")]
    [InlineData("image", "--tee snp --port 7400", "need --firmware")]
    [InlineData("simulated", "--tee tdx --firmware /x --port 7400", "protects nothing in a TEE either")]
    [InlineData("simulated", "--tee none", "nothing would lead to the machine")]
    [InlineData("simulated", "--tee none --cid 2", "from 3")]
    [InlineData("simulated", "--tee none --port 0", "--port 0")]
    [InlineData("simulated", "--tee none --port 1:2:3", "--port 1:2:3")]
    [InlineData("simulated", "--tee none --port 7400 --print qemu", "into --state FOLDER")]
    [InlineData("simulated", "--tee none --port 7400 --memory 64", "--memory")]
    [InlineData("simulated", "--tee none --port 7400 --file a", "NAME=PATH")]
    [InlineData("simulated", "--tee none --port 7400 --file enclave.yaml=/dev/null", "is there twice")]
    [InlineData("simulated", "--tee none --port 7400 --file ../../init=/dev/null --print measurement", "no relative path")]
    [InlineData("nothing", "--tee none --port 7400", "holds no image")]
    public async Task What_cannot_be_is_refused(string image, string arguments, string said)
    {
        CliResult refused = await RunAsync(image, arguments.Split(' '));
        refused.MustBeRefused(said);
    }

    [Fact]
    public async Task An_image_that_is_not_what_its_manifest_says_is_refused()
    {
        await File.AppendAllTextAsync(_folder["simulated/cmdline"], " more", TestContext.Current.CancellationToken);
        CliResult refused = await RunAsync("simulated", "--tee", "none", "--port", "7400");
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains("is not what manifest.json beside it says", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_QEMU_it_says_what_to_install()
    {
        CliResult refused = await RunAsync("simulated", "--tee", "none", "--port", "7400", "--qemu", "/nonexistent/qemu");
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains("qemu-system-x86", refused.Errors, StringComparison.Ordinal);
    }

    private static void MakeImage(string folder, string program)
    {
        Directory.CreateDirectory(folder);
        JsonObject manifest = new() { ["program"] = program, ["kernel"] = new JsonObject { ["release"] = "6.12" }, ["files"] = new JsonArray() };
        foreach ((string name, string content) in new[] { ("vmlinuz", "kernel"), ("initrd.img", "initramfs"), ("cmdline", "console=ttyS0 acpi=off") })
        {
            File.WriteAllText(Path.Combine(folder, name), content);
            manifest[name] = new JsonObject { ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content))) };
        }

        File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJsonString());
    }

    private async Task<string> PrintAsync(string what, string image, params string[] arguments)
    {
        CliResult printed = await RunAsync(image, [.. arguments, "--state", _folder["state"], "--print", what]);
        Assert.Equal((ExitCode.Done, ""), (printed.ExitCode, printed.Errors.Trim()));
        return printed.Output;
    }

    private Task<CliResult> RunAsync(string image, params string[] arguments) =>
        CliProcess.RunAsync(["vm", "run", "--image", _folder[image], "--config", _folder["enclave.yaml"], .. arguments]);
}
