namespace Cloister.Enclave.Vm;

/// <summary>What has to be done before the enclave starts, in order; whatever fails ends the machine. secrets: none.</summary>
internal static class MachineSetup
{
    private const string KernelSettings = "/proc/sys/";
    private const string SecurityFiles = "/sys/kernel/security";
    private const int StandardInput = 0;

    // No other code gets in, nothing asks the console, and what goes wrong in the kernel ends the machine.
    private static readonly (string Name, string Value)[] Settings =
    [
        ("kernel/kexec_load_disabled", "1"),
        ("kernel/sysrq", "0"),
        ("kernel/panic_on_oops", "1"),
        ("kernel/core_pattern", ""),
        ("kernel/modprobe", ""),
        ("vm/panic_on_oom", "2"),
        ("net/ipv6/conf/all/disable_ipv6", "1"),
        ("net/ipv6/conf/default/disable_ipv6", "1"),
        ("kernel/modules_disabled", "1"),
    ];

    internal static void Prepare()
    {
        MachineNetwork? network = MachineNetwork.Read();
        Mount("devtmpfs", "/dev", MachineCalls.NoSetUid | MachineCalls.NoExecution);
        Mount("proc", "/proc", MachineCalls.NoSetUid | MachineCalls.NoExecution | MachineCalls.NoDevices);
        Mount("sysfs", "/sys", MachineCalls.NoSetUid | MachineCalls.NoExecution | MachineCalls.NoDevices);
        CloseInput();
        RequireEntropy(File.ReadAllText("/proc/cpuinfo"));
        MachineModules.Load(network is not null);
        Mount("configfs", "/sys/kernel/config", MachineCalls.NoSetUid | MachineCalls.NoExecution | MachineCalls.NoDevices);
        foreach ((string name, string value) in Settings)
        {
            Set(name, value);
        }

        LockDown();
        network?.Start();
    }

    /// <summary>
    /// Random numbers come from the processor: everything else that the kernel could take them from is the host's. The kernel leaves the flag out when the
    /// instruction gives the same number again and again. RDSEED it uses where there is one.
    /// </summary>
    internal static void RequireEntropy(string processors)
    {
        string flags = processors.Split('\n').FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal)) ?? "";
        if (!flags.Split(' ').Contains("rdrand"))
        {
            throw new MachineException("the processor has no RDRAND, and no other source of random numbers is out of the host's hands: start the machine with a processor model that has it");
        }
    }

    // The console is for lines that go out.
    private static void CloseInput()
    {
        int nothing = MachineException.Check(MachineCalls.Open("/dev/null", MachineCalls.ReadWrite), "open /dev/null");
        MachineException.Check(MachineCalls.Duplicate(nothing, StandardInput), "close standard input");
        _ = nothing == StandardInput ? 0 : MachineCalls.Close(nothing);
    }

    // From here on not even this process writes to the kernel's memory.
    private static void LockDown()
    {
        Mount("securityfs", SecurityFiles, MachineCalls.NoSetUid | MachineCalls.NoExecution | MachineCalls.NoDevices);
        Write($"{SecurityFiles}/lockdown", "confidentiality");
        MachineException.Check(MachineCalls.Unmount(SecurityFiles, 0), $"unmount {SecurityFiles}");
    }

    private static void Set(string name, string value)
    {
        string path = KernelSettings + name;
        Write(path, $"{value}\n");
        string now = File.ReadAllText(path).TrimEnd('\n');
        if (now != value)
        {
            throw new MachineException($"{path} is '{now}' after '{value}' was written: the kernel is not the image's");
        }
    }

    private static void Write(string path, string value)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(value));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MachineException($"{path} cannot be set to '{value.TrimEnd('\n')}': the kernel is not the image's, or its command line is another one");
        }
    }

    private static void Mount(string type, string path, nuint flags) =>
        MachineException.Check(MachineCalls.Mount(type, path, type, flags, null), $"mount {path}");
}
