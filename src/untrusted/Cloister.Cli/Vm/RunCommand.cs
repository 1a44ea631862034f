using System.CommandLine;
using System.Globalization;
using Cloister.Cli.Output;

namespace Cloister.Cli.Vm;

/// <summary><c>cloister vm run</c>: starts an image under QEMU, or prints how it is started.</summary>
internal static class RunCommand
{
    private const int LeastMemory = 128;
    private const int MostMemory = 1024 * 1024;

    // Of QEMU, and of a processor model with the instructions for random numbers.
    private const string AnyProcessor = "max";
    private const string SnpProcessor = "EPYC-v4";

    internal static Command Create()
    {
        Option<string> image = CliOutput.Path("--image", "folder that 'make enclave-vm' left");
        Option<string> config = CliOutput.Path("--config", "the enclave's configuration, which is measured with the image");
        Option<string[]> files = new("--file") { Description = "NAME=PATH: another file for /etc/cloister/NAME in the machine, measured too; may be repeated" };
        Option<VmTee> tee = new("--tee") { Description = "none (development, simulated enclave), snp or tdx", Required = true };
        Option<string?> firmware = new("--firmware") { Description = "OVMF for SEV-SNP with kernel hashes, or for TDX" };
        Option<uint?> cid = new("--cid") { Description = "context id of the machine on vsock, from 3" };
        Option<string?> socket = new("--vsock-socket") { Description = "without a TEE, in place of --cid: socket of a vhost-user vsock device" };
        Option<string[]> ports = new("--port") { Description = "PORT or PORT:GUESTPORT: 127.0.0.1:PORT leads to the machine's, over a network device; may be repeated. For hosts without vsock" };
        Option<int> memory = new("--memory") { Description = "MiB", DefaultValueFactory = _ => 384 };
        CliOutput.Range(memory, LeastMemory, MostMemory);
        Option<string?> cpu = new("--cpu") { Description = $"QEMU's processor model ({SnpProcessor} for snp, host for tdx)" };
        Option<string> qemu = new("--qemu") { Description = "QEMU's program", DefaultValueFactory = _ => "qemu-system-x86_64" };
        Option<string?> state = new("--state") { Description = "folder for the initramfs with the configuration (a new one in the temporary folder; required by --print qemu and libvirt)" };
        Option<string?> print = new("--print") { Description = "start nothing, print it: qemu, systemd or libvirt; or the measurement of the simulated enclave in it" };
        print.AcceptOnlyFromAmong("qemu", "systemd", "libvirt", "measurement");
        Command command = new("run", "Start an enclave in a virtual machine of its own under QEMU. Prints 'ready' when it listens; runs until SIGTERM or until the machine ends.")
        {
            image, config, files, tee, firmware, cid, socket, ports, memory, cpu, qemu, state, print,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            VmTee into = parsed.GetValue(tee);
            VmImage opened = VmImage.Open(parsed.GetValue(image)!);
            Check(opened, into, parsed.GetValue(firmware), parsed.GetValue(cid), parsed.GetValue(socket), parsed.GetValue(ports) ?? []);
            string? kind = parsed.GetValue(print);
            if (kind == "systemd")
            {
                Console.Out.Write(VmUnits.Systemd(VmUnits.Words(parsed)));
                return ExitCode.Done;
            }

            VmConfiguration configuration = new(parsed.GetValue(config)!, parsed.GetValue(files) ?? [], parsed.GetValue(ports) is { Length: > 0 });
            if (kind == "measurement")
            {
                Console.Out.WriteLine(into == VmTee.None ? opened.SimulatedMeasurement(configuration) : throw new CliException("what a TEE measures, 'cloister vm measure' computes"));
                return ExitCode.Done;
            }

            if (kind is not null && parsed.GetValue(state) is null)
            {
                throw new CliException($"--print {kind} writes the initramfs with the configuration into --state FOLDER");
            }

            using VmFolder folder = new(parsed.GetValue(state));
            string initrd = Path.Combine(folder.Path, VmImage.InitrdFile);
            await File.WriteAllBytesAsync(initrd, opened.Initrd(configuration), cancellation);
            bool kvm = into != VmTee.None || File.Exists("/dev/kvm");
            QemuMachine machine = new()
            {
                Tee = into,
                Kernel = Path.GetFullPath(opened.KernelPath),
                Initrd = initrd,
                CommandLine = opened.CommandLine,
                Memory = parsed.GetValue(memory),
                Firmware = parsed.GetValue(firmware),
                Processor = parsed.GetValue(cpu) ?? (into == VmTee.Snp ? SnpProcessor : kvm ? "host" : AnyProcessor),
                HostData = configuration.HostData,
                MrConfigId = configuration.MrConfigId,
                Cid = parsed.GetValue(cid),
                VsockSocket = parsed.GetValue(socket),
                Ports = [.. (parsed.GetValue(ports) ?? []).Select(Port)],
                Kvm = kvm,
            };
            switch (kind)
            {
                case "qemu":
                    Console.Out.WriteLine(VmUnits.Shell([parsed.GetValue(qemu)!, .. machine.Arguments()]));
                    return ExitCode.Done;
                case "libvirt":
                    Console.Out.WriteLine(VmUnits.Libvirt(machine));
                    return ExitCode.Done;
            }

            if (into == VmTee.None)
            {
                await Console.Error.WriteLineAsync("cloister: NO TEE: this host reads the machine's memory; for development only, never with real Secrets");
            }

            return await QemuProcess.RunAsync(parsed.GetValue(qemu)!, machine.Arguments(), configuration.LastListener, cancellation);
        });
        return command;
    }

    private static void Check(VmImage image, VmTee tee, string? firmware, uint? cid, string? socket, string[] ports)
    {
        if (tee != VmTee.None && image.IsSimulated)
        {
            throw new CliException("this image holds the simulated enclave, which protects nothing in a TEE either: take the image without /dev, or --tee none");
        }

        if ((tee != VmTee.None) != (firmware is not null))
        {
            throw new CliException(tee == VmTee.None ? "--firmware is for --tee snp and tdx" : "--tee snp and tdx need --firmware: the launch measurement covers it (cloister vm measure)");
        }

        if (socket is not null && (cid is not null || tee != VmTee.None))
        {
            throw new CliException("--vsock-socket is for --tee none, in place of --cid");
        }

        if (cid is < 3)
        {
            throw new CliException($"--cid {cid}: machines have context ids from 3");
        }

        if (cid is null && socket is null && ports.Length == 0)
        {
            throw new CliException("nothing would lead to the machine: give it a context id on vsock (--cid 3), or ports of 127.0.0.1 where there is no vsock (--port 7400)");
        }

        if (cid is not null && !File.Exists("/dev/vhost-vsock"))
        {
            throw new CliException("--cid: this host has no /dev/vhost-vsock: load the module vhost_vsock, or use --port");
        }
    }

    private static (int Host, int Guest) Port(string text)
    {
        int[] numbers = [.. text.Split(':').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and < 65536 ? number : -1)];
        return numbers is [> 0] or [> 0, > 0] ? (numbers[0], numbers[^1]) : throw new CliException($"--port {text}: PORT or PORT:GUESTPORT");
    }
}

/// <summary>A folder for the time of a command, or one that stays.</summary>
internal sealed class VmFolder : IDisposable
{
    private readonly bool _own;

    internal VmFolder(string? path)
    {
        _own = path is null;
        Path = path is null ? Directory.CreateTempSubdirectory("cloister-vm.").FullName : Directory.CreateDirectory(path).FullName;
    }

    internal string Path { get; }

    public void Dispose()
    {
        if (_own)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
