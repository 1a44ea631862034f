using System.Globalization;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The machine: clock, kernel, swap, core dumps, memory that can be locked, disk.</summary>
internal static class HostChecks
{
    private const string Install = "docs/install.md";
    private const string StateFolder = "/var/lib/cloister";
    private const long EnoughLocked = 64L << 20;
    private const long EnoughDisk = 1L << 30;
    private const long LeastDisk = 64L << 20;

    private static readonly Version ConfidentialGuest = new(6, 7);
    private static readonly Version Sgx = new(6, 0);

    internal static IReadOnlyList<Check> All { get; } =
    [
        Check.Of("host-clock", DoctorPhase.Preflight, "a time service keeps the clock", Install, Clock),
        Check.Of("host-kernel", DoctorPhase.Preflight, "the kernel is new enough for the TEE", Install, Kernel),
        Check.Of("host-swap", DoctorPhase.Preflight, "no memory goes to disk", Install, Swap),
        Check.Of("host-core-dumps", DoctorPhase.Preflight, "a process that crashes leaves no memory behind", Install, CoreDumps),
        Check.Of("host-memlock", DoctorPhase.Preflight, "programs may lock memory", Install, LockedMemory),
        Check.Of("host-disk", DoctorPhase.Preflight, "there is room for state and logs", Install, Disk),
    ];

    private static Finding Clock(DoctorScope scope)
    {
        KernelClock clock = scope.Clock();
        return Finding.WarnUnless(
            clock.Synchronised, "", clock.Synchronised ? $"synchronised, at most {clock.MaxError.TotalSeconds:0.###} s off" : "no time service keeps the clock",
            "run chrony or systemd-timesyncd: leases, tokens and certificates have times", "timedatectl status");
    }

    private static Finding Kernel(DoctorScope scope)
    {
        string release = scope.Host.Text("/proc/sys/kernel/osrelease") ?? "";
        (TeeKind tee, Version needed) = TeeChecks.Kind(scope.Host) is var kind and TeeKind.Sgx ? (kind, Sgx) : (TeeChecks.Kind(scope.Host), ConfidentialGuest);
        if (tee is not (TeeKind.Sgx or TeeKind.Tdx or TeeKind.Snp))
        {
            throw new SkippedException("no TEE on this machine asks for a kernel");
        }

        string digits = string.Concat(release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')).TrimEnd('.');
        return Version.TryParse(digits, out Version? version)
            ? Finding.ErrorUnless(version >= needed, "", $"Linux {release}", $"Linux {needed} or newer for {tee.ToString().ToUpperInvariant()}", "uname -r")
            : Finding.Error("", $"'{release}' is no version of Linux", $"Linux {needed} or newer", "uname -r");
    }

    private static Finding Swap(DoctorScope scope)
    {
        string[] areas = [.. (scope.Host.Text("/proc/swaps") ?? "").Split('\n').Skip(1).Select(line => line.Split(' ')[0]).Where(name => name.Length > 0)];
        return Finding.WarnUnless(
            areas.Length == 0, "/proc/swaps", areas.Length == 0 ? "none" : $"in use: {string.Join(", ", areas)}",
            "switch it off: the enclave locks its keys, but an API server's memory, with Secrets in clear, goes to disk", "swapoff -a");
    }

    private static Finding CoreDumps(DoctorScope scope)
    {
        const string File = "/proc/sys/kernel/core_pattern";
        string pattern = scope.Host.Text(File) ?? throw new SkippedException($"{File} is not there");
        bool none = pattern.Length == 0 || pattern.StartsWith("|/bin/false", StringComparison.Ordinal) || pattern.StartsWith("|/usr/bin/false", StringComparison.Ordinal);
        return Finding.WarnUnless(
            none, File, none ? "not written" : $"written: {pattern}", "the enclave writes none, but the API server's would hold Secrets in clear: switch them off",
            "sysctl -w 'kernel.core_pattern=|/bin/false'");
    }

    private static Finding LockedMemory(DoctorScope scope)
    {
        const string File = "/proc/self/limits";
        string line = (scope.Host.Text(File) ?? "").Split('\n').FirstOrDefault(one => one.StartsWith("Max locked memory", StringComparison.Ordinal))
            ?? throw new SkippedException($"{File} does not say it");
        string hard = line["Max locked memory".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        bool enough = hard == "unlimited" || (long.TryParse(hard, CultureInfo.InvariantCulture, out long bytes) && bytes >= EnoughLocked);
        return Finding.WarnUnless(
            enough, "", $"{hard}{(hard == "unlimited" ? "" : " bytes")} for what is started here", "the units lift it (LimitMEMLOCK=infinity); what is started by hand needs a higher limit", "ulimit -l unlimited");
    }

    private static Finding Disk(DoctorScope scope)
    {
        string folder = scope.Host.Exists(StateFolder) ? StateFolder : "/";
        long free = scope.Host.Free(scope.Host.At(folder));
        string seen = string.Create(CultureInfo.InvariantCulture, $"{free / (1 << 20)} MiB free");
        const string Fix = "make room: a sealed copy and certificates are written here";
        return free < LeastDisk ? Finding.Error(folder, seen, Fix, $"df -h {folder}") : Finding.WarnUnless(free >= EnoughDisk, folder, seen, Fix, $"df -h {folder}");
    }
}
