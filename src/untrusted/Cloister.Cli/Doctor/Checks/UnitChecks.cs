using System.Globalization;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The units of systemd: there, started, and as strict as they were shipped.</summary>
internal static class UnitChecks
{
    private const string Document = "docs/install.md";
    private const string SystemdRuns = "/run/systemd/system";
    private const string Pods = "/etc/kubernetes/manifests";
    private const int ManyRestarts = 5;

    // What a unit may be given in more than one line: an empty value clears what was there.
    private static readonly string[] Lists = ["CapabilityBoundingSet", "AmbientCapabilities", "SystemCallFilter", "RestrictAddressFamilies", "IPAddressDeny"];

    private static readonly string[] Granting = ["AmbientCapabilities", "DeviceAllow", "ReadWritePaths", "BindPaths", "IPAddressAllow"];

    private static readonly string[] Loaders = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DOTNET_STARTUP_HOOKS", "CORECLR_ENABLE_PROFILING", "DOTNET_DbgEnableMiniDump"];

    internal static IReadOnlyList<Check> All { get; } =
    [
        Check.Of("unit-installed", DoctorPhase.Node, "a unit starts the enclave", Document, Installed),
        Check.Of("unit-enabled", DoctorPhase.Node, "it is started at boot", Document, Enabled),
        new("unit-active", DoctorPhase.Node, "the units run", Document, (scope, stop) => ShownAsync(scope, Active, stop)),
        new("unit-restarts", DoctorPhase.Node, "they do not fail again and again", Document, (scope, stop) => ShownAsync(scope, Restarts, stop)),
        new("unit-loaded", DoctorPhase.Node, "systemd has read the files as they are", Document, (scope, stop) => ShownAsync(scope, Loaded, stop)),
        Check.Of("unit-drop-ins", DoctorPhase.Node, "drop-ins loosen nothing", Document, DropIns),
        Check.Of("unit-memlock", DoctorPhase.Node, "the enclave may lock its keys in memory", Document, MemoryLock),
        Check.Of("unit-core-dumps", DoctorPhase.Node, "the enclave leaves no core dump", Document, CoreDumps),
    ];

    private static SystemdUnit[] Enclaves(DoctorScope scope)
    {
        SystemdUnit[] enclaves = [.. scope.Units.Where(unit => unit.Name.StartsWith("cloister-enclave", StringComparison.Ordinal))];
        return enclaves.Length > 0 ? enclaves : throw new SkippedException("no unit of the enclave is installed");
    }

    // Those that are meant to run here: all are installed, of the enclaves one is enabled.
    private static SystemdUnit[] Wanted(DoctorScope scope)
    {
        SystemdUnit[] enabled = [.. scope.Units.Where(unit => unit.Enabled)];
        return enabled.Length > 0 ? enabled : throw new SkippedException("no unit is enabled: see unit-enabled");
    }

    private static Finding Installed(DoctorScope scope)
    {
        if (scope.Units.FirstOrDefault(unit => unit.Name.StartsWith("cloister-enclave", StringComparison.Ordinal)) is { } unit)
        {
            return Finding.Ok(unit.File, "installed");
        }

        if (scope.Host.Names(Pods, "cloister-enclave*.yaml") is [var pod, ..])
        {
            return Finding.Ok($"{Pods}/{pod}", "a static pod in its place");
        }

        return scope.Settings.Sockets.Count > 0 && !scope.Host.Exists(DoctorSettings.DefaultConfiguration)
            ? throw new SkippedException("nothing is installed on this machine; the sockets were named")
            : Finding.Error("", "neither a unit nor a static pod of the enclave", "install the package, or 'make install'", "systemctl list-unit-files 'cloister-*'");
    }

    private static Finding Enabled(DoctorScope scope) => Enclaves(scope) is var enclaves && enclaves.FirstOrDefault(unit => unit.Enabled) is { } enabled
        ? Finding.Ok(enabled.Name, "enabled")
        : Finding.Error(string.Join(", ", enclaves.Select(unit => unit.Name)), "none is enabled: after a boot there is no enclave", "enable the one for this TEE", "systemctl enable --now cloister-enclave");

    private static async Task<IEnumerable<Finding>> ShownAsync(DoctorScope scope, Func<SystemdUnit, Dictionary<string, string>, Finding> judge, CancellationToken stop)
    {
        if (!scope.Host.Exists(SystemdRuns))
        {
            throw new SkippedException("systemd does not run here");
        }

        List<Finding> findings = [];
        foreach (SystemdUnit unit in Wanted(scope))
        {
            (int exit, string output) = await scope.Run("systemctl", ["show", "--property=ActiveState,SubState,Result,NRestarts,NeedDaemonReload", unit.Name], stop);
            Dictionary<string, string> shown = output.Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal))
                .ToDictionary(line => line[..line.IndexOf('=', StringComparison.Ordinal)], line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            findings.Add(exit == 0 ? judge(unit, shown) : Finding.Error(unit.Name, $"systemctl show ended with {exit}", "see whether systemd answers", $"systemctl status {unit.Name}"));
        }

        return findings;
    }

    private static Finding Active(SystemdUnit unit, Dictionary<string, string> shown)
    {
        string state = shown.GetValueOrDefault("ActiveState", "");
        string seen = $"{state} ({shown.GetValueOrDefault("SubState", "")}{(state == "active" ? "" : $", {shown.GetValueOrDefault("Result", "")}")})";
        return Finding.ErrorUnless(state == "active", unit.Name, seen, "its log says why it does not run", $"journalctl -u {unit.Name} -n 50");
    }

    private static Finding Restarts(SystemdUnit unit, Dictionary<string, string> shown)
    {
        int restarts = int.TryParse(shown.GetValueOrDefault("NRestarts", "0"), CultureInfo.InvariantCulture, out int count) ? count : 0;
        return Finding.WarnUnless(restarts < ManyRestarts, unit.Name, $"{restarts} restarts", "find out why it ends: custody manual without a sealed copy loses its KEK each time", $"journalctl -u {unit.Name} -p warning");
    }

    private static Finding Loaded(SystemdUnit unit, Dictionary<string, string> shown) => Finding.WarnUnless(
        shown.GetValueOrDefault("NeedDaemonReload", "no") == "no", unit.Name, shown.GetValueOrDefault("NeedDaemonReload", "no") == "no" ? "as on disk" : "its files were changed since systemd read them",
        "have systemd read them, and start the unit again", "systemctl daemon-reload");

    private static IEnumerable<Finding> DropIns(DoctorScope scope)
    {
        foreach (SystemdUnit unit in scope.Units)
        {
            List<Finding> loose = [];
            foreach ((string file, IReadOnlyList<UnitLine> lines) in unit.DropIns)
            {
                loose.AddRange(lines.Where(line => Loosens(unit, line)).Select(line => Finding.Error(
                    file, $"{line.Name}={line.Value} loosens {unit.Name}{(unit.Lines.LastOrDefault(one => one.Name == line.Name) is { } was ? $", which has {was.Value}" : "")}",
                    "take the line out, and start the unit again", $"systemctl edit {unit.Name}")));
            }

            yield return loose.Count > 0 ? loose[0] : Finding.Ok(unit.Name, unit.DropIns.Count == 0 ? "none" : $"{unit.DropIns.Count}, none loosens it");
            foreach (Finding more in loose.Skip(1))
            {
                yield return more;
            }
        }
    }

    private static bool Loosens(SystemdUnit unit, UnitLine line)
    {
        if (line.Name == "Environment" || line.Name == "EnvironmentFile" || line.Name == "PassEnvironment")
        {
            return line.Name == "EnvironmentFile" || Loaders.Any(name => line.Value.Contains(name, StringComparison.Ordinal));
        }

        if (line.Name.StartsWith("Exec", StringComparison.Ordinal) || line.Name is "User" or "Group" or "SupplementaryGroups" or "RootDirectory" or "RootImage" or "PAMName")
        {
            return line.Value.Length > 0 && !unit.Lines.Contains(line);
        }

        string? shipped = unit.Lines.LastOrDefault(one => one.Name == line.Name)?.Value;
        if (Granting.Contains(line.Name))
        {
            return line.Value.Length > 0 && !unit.Lines.Contains(line);
        }

        if (shipped is null || line.Value == shipped)
        {
            return false;
        }

        // A shorter list of what is allowed is stricter, but not told here from a longer one: what differs is shown.
        return Lists.Contains(line.Name) || line.Name is "LimitCORE" or "LimitMEMLOCK" or "UMask" or "DevicePolicy" or "ProcSubset" or "ProtectProc" or "KeyringMode"
            || (line.Name is "ProtectSystem" or "ProtectHome" && Strictness(line.Value) < Strictness(shipped))
            || (IsTrue(shipped) && !IsTrue(line.Value));
    }

    private static int Strictness(string value) => value switch { "strict" => 3, "full" or "tmpfs" => 2, "read-only" => 1, _ when IsTrue(value) => 2, _ => 0 };

    private static bool IsTrue(string value) => value is "yes" or "true" or "on" or "1";

    private static IEnumerable<Finding> MemoryLock(DoctorScope scope) => Enclaves(scope)
        .Where(unit => unit.Name == "cloister-enclave.service")
        .Select(unit => Finding.ErrorUnless(
            unit.Value("LimitMEMLOCK") == "infinity", unit.Name, $"LimitMEMLOCK={unit.Value("LimitMEMLOCK") ?? "not said"}", "LimitMEMLOCK=infinity in the unit: keys go to swap otherwise", $"systemctl edit {unit.Name}"));

    private static IEnumerable<Finding> CoreDumps(DoctorScope scope) => Enclaves(scope).Select(unit => Finding.ErrorUnless(
        unit.Value("LimitCORE") == "0", unit.Name, $"LimitCORE={unit.Value("LimitCORE") ?? "not said"}", "LimitCORE=0 in the unit", $"systemctl edit {unit.Name}"));
}
