using System.Globalization;

namespace Cloister.Cli.Vm;

/// <summary>Which TEE a machine is started in.</summary>
internal enum VmTee
{
    /// <summary>None: for development.</summary>
    None,

    /// <summary>AMD SEV-SNP.</summary>
    Snp,

    /// <summary>Intel TDX.</summary>
    Tdx,
}

/// <summary>A virtual machine as QEMU is told of it: one processor, fixed memory, a serial console, and what the enclave is reached by. Source: qemu(1), QEMU's "Confidential guest support".</summary>
internal sealed record QemuMachine
{
    internal required VmTee Tee { get; init; }

    /// <summary>Kernel, initramfs with the configuration, command line.</summary>
    internal required string Kernel { get; init; }

    internal required string Initrd { get; init; }

    internal required string CommandLine { get; init; }

    /// <summary>MiB.</summary>
    internal required int Memory { get; init; }

    /// <summary>Path of the firmware for TDX and SEV-SNP.</summary>
    internal string? Firmware { get; init; }

    /// <summary>The processor model that a launch measurement of SEV-SNP covers.</summary>
    internal required string Processor { get; init; }

    /// <summary>HOST_DATA, base64.</summary>
    internal required string HostData { get; init; }

    /// <summary>MRCONFIGID, base64.</summary>
    internal required string MrConfigId { get; init; }

    /// <summary>The context id on vsock; null: none through the kernel.</summary>
    internal uint? Cid { get; init; }

    /// <summary>Socket of a vsock device in another process (vhost-user), where the kernel has none.</summary>
    internal string? VsockSocket { get; init; }

    /// <summary>TCP ports of the machine that are reached on 127.0.0.1; none: no network device.</summary>
    internal IReadOnlyList<(int Host, int Guest)> Ports { get; init; } = [];

    /// <summary>Whether the host's processor runs the machine.</summary>
    internal required bool Kvm { get; init; }

    /// <summary>The arguments.</summary>
    internal IReadOnlyList<string> Arguments() =>
    [
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
        "-name", "cloister-enclave",
        .. Acceleration(),
        "-cpu", Processor,
        "-smp", "1",
        "-m", string.Create(CultureInfo.InvariantCulture, $"{Memory}M"),
        .. Protection(),
        "-kernel", Kernel, "-initrd", Initrd, "-append", CommandLine,
        // Nothing is read from the console: standard input is /dev/null, and the machine closes its own.
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        .. Devices(),
    ];

    // QEMU's own processor counts time by instructions: measured against the clock of a busy host, the guest's runs many times too fast, and its time-outs with it.
    private IReadOnlyList<string> Acceleration() => Kvm ? ["-accel", "kvm"] : ["-accel", "tcg", "-icount", "shift=1,sleep=on"];

    private IReadOnlyList<string> Protection() => Tee switch
    {
        VmTee.Snp =>
        [
            "-bios", Firmware!,
            "-machine", "q35,confidential-guest-support=tee,memory-backend=memory",
            "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-memfd,id=memory,size={Memory}M,share=on,prealloc=off"),
            "-object", $"sev-snp-guest,id=tee,cbitpos=51,reduced-phys-bits=1,policy=0x30000,kernel-hashes=on,host-data={HostData}",
        ],
        VmTee.Tdx =>
        [
            "-bios", Firmware!,
            "-machine", "q35,confidential-guest-support=tee,kernel-irqchip=split",
            "-object", $$$"""{"qom-type":"tdx-guest","id":"tee","mrconfigid":"{{{MrConfigId}}}","quote-generation-socket":{"type":"vsock","cid":"2","port":"4050"}}""",
        ],
        _ when VsockSocket is not null =>
        [
            "-machine", "q35,memory-backend=memory",
            "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-memfd,id=memory,size={Memory}M,share=on"),
        ],
        _ => ["-machine", "q35"],
    };

    // In a TEE the device may see only what the machine shares with it.
    private IEnumerable<string> Devices()
    {
        string shared = Tee == VmTee.None ? "" : ",iommu_platform=on";
        if (Cid is { } cid)
        {
            yield return "-device";
            yield return string.Create(CultureInfo.InvariantCulture, $"vhost-vsock-pci,guest-cid={cid},disable-legacy=on{shared}");
        }

        if (VsockSocket is { } socket)
        {
            yield return "-chardev";
            yield return $"socket,id=vsock,path={socket.Replace(",", ",,", StringComparison.Ordinal)}";
            yield return "-device";
            yield return "vhost-user-vsock-pci,chardev=vsock";
        }

        if (Ports.Count > 0)
        {
            yield return "-netdev";
            yield return "user,id=net" + string.Concat(Ports.Select(port => string.Create(CultureInfo.InvariantCulture, $",hostfwd=tcp:127.0.0.1:{port.Host}-:{port.Guest}")));
            yield return "-device";
            yield return $"virtio-net-pci,netdev=net,romfile=,disable-legacy=on{shared}";
        }
    }
}
