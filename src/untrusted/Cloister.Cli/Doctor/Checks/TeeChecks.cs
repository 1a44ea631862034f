namespace Cloister.Cli.Doctor.Checks;

/// <summary>TEEs by the devices through which they give evidence.</summary>
internal enum TeeKind
{
    None,
    Sgx,
    Tdx,
    Snp,
    Nitro,
    NitroParent,
}

/// <summary>The TEE of this machine, as far as it can be seen from outside of the enclave. A host can fake all of it: evidence is what counts.</summary>
internal static class TeeChecks
{
    private const string Document = "docs/tees.md";
    private const string Reports = "/sys/kernel/config/tsm/report";
    private const string Aesm = "/run/aesmd/aesm.socket";

    private static readonly (string Device, TeeKind Kind)[] Devices =
    [
        ("/dev/tdx_guest", TeeKind.Tdx), ("/dev/sev-guest", TeeKind.Snp), ("/dev/sgx_enclave", TeeKind.Sgx), ("/dev/nsm", TeeKind.Nitro), ("/dev/nitro_enclaves", TeeKind.NitroParent),
    ];

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("tee-device", DoctorPhase.Preflight, "there is a TEE", Document, DeviceAsync),
        Check.Of("tee-driver", DoctorPhase.Preflight, "its driver gives evidence", Document, Driver),
        Check.Of("tee-provider", DoctorPhase.Preflight, "evidence comes from the TEE that the device is of", Document, Provider),
        Check.Of("tee-quoting", DoctorPhase.Preflight, "the quoting service of SGX is there", Document, Quoting),
        Check.Of("tee-firmware", DoctorPhase.Preflight, "firmware and microcode can be seen", Document, Firmware),
    ];

    internal static TeeKind Kind(HostFiles host) => Devices.FirstOrDefault(one => host.Exists(one.Device)).Kind;

    // Behind a relay the enclave is in a machine of its own, and says what it is in.
    private static async Task<IEnumerable<Finding>> DeviceAsync(DoctorScope scope, CancellationToken cancellation)
    {
        if (Devices.FirstOrDefault(one => scope.Host.Exists(one.Device)) is { Device: { } device } found)
        {
            return [Finding.Ok(device, Name(found.Kind))];
        }

        return (await scope.KmsAsync()).FirstOrDefault(kms => kms.Tee.Length > 0) is { } answering
            ? [Finding.Ok(answering.Socket, $"none on this machine; the enclave says: {answering.Tee}")]
            : [Finding.Error("", $"none of {string.Join(", ", Devices.Select(one => one.Device))} exists", "switch the TEE on in the BIOS, or start the guest as a confidential one; for development: cloister dev", "ls /dev/sgx_enclave /dev/tdx_guest /dev/sev-guest")];
    }

    private static Finding Driver(DoctorScope scope)
    {
        TeeKind kind = Kind(scope.Host);
        string path = kind switch
        {
            TeeKind.Tdx or TeeKind.Snp => Reports,
            TeeKind.Sgx => "/dev/sgx_provision",
            TeeKind.NitroParent => "/usr/bin/nitro-cli",
            TeeKind.Nitro => throw new SkippedException("in a Nitro enclave the device is all there is"),
            _ => throw new SkippedException("no TEE on this machine"),
        };
        return Finding.ErrorUnless(scope.Host.Exists(path), path, scope.Host.Exists(path) ? "there" : "not there", kind switch
        {
            TeeKind.Tdx or TeeKind.Snp => "Linux 6.7 or newer with CONFIG_TSM_REPORTS, and configfs mounted",
            TeeKind.Sgx => "the kernel's driver has it; out-of-tree drivers do not: use Linux 6.0 or newer",
            _ => "install the Nitro Enclaves CLI",
        }, kind is TeeKind.Tdx or TeeKind.Snp ? "mount -t configfs none /sys/kernel/config" : "");
    }

    private static Finding Provider(DoctorScope scope)
    {
        string expected = Kind(scope.Host) switch
        {
            TeeKind.Tdx => "tdx_guest",
            TeeKind.Snp => "sev_guest",
            _ => throw new SkippedException("only TDX and SEV-SNP have providers of reports"),
        };
        if (!scope.Host.Exists(Reports))
        {
            throw new SkippedException($"{Reports} is not there: see tee-driver");
        }

        // A folder there is a request for a report, which is never made.
        string request = $"{Reports}/cloister-doctor";
        DirectoryInfo folder = Directory.CreateDirectory(scope.Host.At(request));
        try
        {
            string provider = scope.Host.Text($"{request}/provider") ?? "";
            return Finding.ErrorUnless(provider == expected, request, provider.Length > 0 ? provider : "no provider", $"{expected} has to give reports: load its module", "modprobe tdx_guest || modprobe sev-guest");
        }
        finally
        {
            Remove(folder);
        }
    }

    // In configfs a folder goes with the files in it, which cannot be removed one by one.
    private static void Remove(DirectoryInfo folder)
    {
        try
        {
            folder.Delete();
        }
        catch (IOException)
        {
            // Nothing rests on it.
        }
    }

    private static Finding Quoting(DoctorScope scope) => Kind(scope.Host) != TeeKind.Sgx
        ? throw new SkippedException("only SGX has a quoting service")
        : Finding.ErrorUnless(scope.Host.Exists(Aesm) || scope.Host.Exists($"/var{Aesm}"), Aesm, scope.Host.Exists(Aesm) || scope.Host.Exists($"/var{Aesm}") ? "there" : "not there",
            "start AESM with the DCAP quoting library", "systemctl enable --now aesmd");

    private static IEnumerable<Finding> Firmware(DoctorScope scope)
    {
        if (Kind(scope.Host) == TeeKind.None)
        {
            throw new SkippedException("no TEE on this machine");
        }

        string microcode = (scope.Host.Text("/proc/cpuinfo") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("microcode", StringComparison.Ordinal))?.Split(':')[^1].Trim() ?? "";
        bool hidden = microcode is "" or "0xffffffff" or "0x1";
        yield return Finding.WarnUnless(
            !hidden, "/proc/cpuinfo", hidden ? $"microcode {(microcode.Length == 0 ? "is not told" : $"{microcode}, which a hypervisor puts in the place of the real one")}" : $"microcode {microcode}",
            "only evidence tells it: 'cloister enclaves forecast' says what the broker makes of it", "cloister evidence show");
        if (scope.Host.Text("/sys/class/dmi/id/bios_version") is { Length: > 0 } bios)
        {
            yield return Finding.Ok("/sys/class/dmi/id", $"firmware {bios} of {scope.Host.Text("/sys/class/dmi/id/bios_date") ?? "no date"}");
        }
    }

    private static string Name(TeeKind kind) => kind switch
    {
        TeeKind.Snp => "SEV-SNP",
        TeeKind.NitroParent => "parent of Nitro enclaves",
        TeeKind.Nitro => "Nitro enclave",
        _ => kind.ToString().ToUpperInvariant(),
    };
}
