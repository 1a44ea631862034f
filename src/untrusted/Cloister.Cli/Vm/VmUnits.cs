using System.CommandLine;
using System.Xml.Linq;

namespace Cloister.Cli.Vm;

/// <summary>How a machine is started by something else than this command. Sources: systemd.service(5), libvirt's "Domain XML format".</summary>
internal static class VmUnits
{
    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    /// <summary>The words of this command line, without <c>--print</c> and what follows it.</summary>
    internal static IReadOnlyList<string> Words(ParseResult parsed)
    {
        List<string> words = [.. parsed.Tokens.Select(token => token.Value)];
        int print = words.IndexOf("--print");
        words.RemoveRange(print, 2);
        return words;
    }

    /// <summary>A line for a shell.</summary>
    internal static string Shell(IEnumerable<string> words) => string.Join(' ', words.Select(word =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./,:=+@".Contains(c, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));

    /// <summary>A unit: started means that the enclave listens, and a machine that ended is started again.</summary>
    internal static string Systemd(IEnumerable<string> words) => $"""
        [Unit]
        Description=Cloister enclave in a virtual machine of its own
        Before=kubelet.service
        After=network.target
        StartLimitIntervalSec=0

        [Service]
        Type=notify
        ExecStart=/usr/local/bin/cloister {string.Join(' ', words.Select(SystemdWord))}
        Restart=always
        RestartSec=1
        TimeoutStartSec=120
        TimeoutStopSec=10
        StandardInput=null
        LimitCORE=0
        LimitMEMLOCK=infinity
        OOMScoreAdjust=-999

        # QEMU needs the processor's and the vsock device, its files, and nothing else of the host.
        User=cloister
        SupplementaryGroups=kvm
        CapabilityBoundingSet=
        AmbientCapabilities=
        NoNewPrivileges=yes
        DevicePolicy=closed
        DeviceAllow=/dev/kvm rw
        DeviceAllow=/dev/sev rw
        DeviceAllow=/dev/vhost-vsock rw
        ProtectSystem=strict
        ProtectHome=yes
        PrivateTmp=yes
        PrivateMounts=yes
        ProtectKernelTunables=yes
        ProtectKernelModules=yes
        ProtectKernelLogs=yes
        ProtectControlGroups=yes
        ProtectClock=yes
        ProtectHostname=yes
        ProtectProc=invisible
        ProcSubset=pid
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_VSOCK
        LockPersonality=yes
        RemoveIPC=yes
        UMask=0077
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged
        SystemCallErrorNumber=EPERM

        [Install]
        WantedBy=multi-user.target

        """;

    /// <summary>A domain.</summary>
    internal static string Libvirt(QemuMachine machine) => new XElement(
        "domain",
        new XAttribute("type", machine.Kvm ? "kvm" : "qemu"),
        machine.Ports.Count == 0 ? null : new XAttribute(XNamespace.Xmlns + "qemu", Qemu),
        new XElement("name", "cloister-enclave"),
        new XElement("memory", new XAttribute("unit", "MiB"), machine.Memory),
        new XElement("vcpu", 1),
        new XElement(
            "os",
            new XElement("type", new XAttribute("arch", "x86_64"), new XAttribute("machine", "q35"), "hvm"),
            machine.Firmware is null ? null : new XElement("loader", new XAttribute("type", "rom"), new XAttribute("readonly", "yes"), new XAttribute("stateless", "yes"), machine.Firmware),
            new XElement("kernel", machine.Kernel),
            new XElement("initrd", machine.Initrd),
            new XElement("cmdline", machine.CommandLine)),
        new XElement("features", new XElement("acpi"), new XElement("apic"), machine.Tee == VmTee.Tdx ? new XElement("ioapic", new XAttribute("driver", "qemu")) : null),
        machine.Processor is "host" or "max"
            ? new XElement("cpu", new XAttribute("mode", machine.Processor == "host" ? "host-passthrough" : "maximum"))
            : new XElement("cpu", new XAttribute("mode", "custom"), new XAttribute("match", "exact"), new XElement("model", machine.Processor)),
        new XElement("on_poweroff", "destroy"),
        new XElement("on_reboot", "destroy"),
        new XElement("on_crash", "destroy"),
        new XElement(
            "devices",
            // By default a domain has more than the machine may have.
            new XElement("controller", new XAttribute("type", "usb"), new XAttribute("model", "none")),
            new XElement("memballoon", new XAttribute("model", "none")),
            new XElement("video", new XElement("model", new XAttribute("type", "none"))),
            new XElement("serial", new XAttribute("type", "file"), new XElement("source", new XAttribute("path", "/var/log/libvirt/qemu/cloister-enclave-console.log"))),
            machine.Cid is { } cid ? new XElement("vsock", new XAttribute("model", "virtio"), new XElement("cid", new XAttribute("auto", "no"), new XAttribute("address", cid))) : null),
        LaunchSecurity(machine),
        machine.Ports.Count == 0 ? null : new XElement(Qemu + "commandline", NetworkArguments(machine).Select(argument => new XElement(Qemu + "arg", new XAttribute("value", argument))))).ToString();

    private static XElement? LaunchSecurity(QemuMachine machine) => machine.Tee switch
    {
        VmTee.Snp => new XElement(
            "launchSecurity",
            new XAttribute("type", "sev-snp"),
            new XAttribute("kernelHashes", "yes"),
            new XElement("policy", "0x30000"),
            new XElement("hostData", machine.HostData)),
        VmTee.Tdx => new XElement(
            "launchSecurity",
            new XAttribute("type", "tdx"),
            new XElement("mrConfigId", machine.MrConfigId),
            new XElement("quoteGenerationService")),
        _ => null,
    };

    // libvirt's own user network forwards no ports.
    private static IEnumerable<string> NetworkArguments(QemuMachine machine) => machine.Arguments().SkipWhile(argument => argument != "-netdev");

    // Source: systemd.syntax(7).
    private static string SystemdWord(string word)
    {
        string text = word.Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./,:=+@%$".Contains(c, StringComparison.Ordinal)) ? text : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }
}
