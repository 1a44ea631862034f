namespace Cloister.Enclave.Vm;

/// <summary>
/// A virtual machine that holds the enclave and nothing else (docs/enclave-vm.md). The kernel starts this program as its first process: it makes the machine
/// ready, serves, and ends the machine when it ends, however that happens: the kernel panics when its first process dies, and its command line has
/// <c>panic=-1</c>. There are no other processes, so there are none to reap. secrets: none.
/// </summary>
public static class EnclaveMachine
{
    /// <summary>The configuration, in what was appended to the initramfs.</summary>
    public const string ConfigurationPath = "/etc/cloister/enclave.yaml";

    /// <summary>True in such a machine: the first process, started from an image that has modules where <see cref="MachineModules"/> looks.</summary>
    public static bool IsHere => Environment.ProcessId == 1 && Directory.Exists(MachineModules.Folder);

    /// <summary>Makes the machine ready, runs the enclave, and ends the machine. Returns only when the kernel refuses to.</summary>
    /// <param name="args">What the kernel passed on; has to be empty.</param>
    /// <param name="enclave">Runs the enclave with the arguments that it is given.</param>
    public static async Task<int> RunAsync(string[] args, Func<string[], Task<int>> enclave)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        int exitCode = 1;
        try
        {
            RefuseWords(args);
            MachineSetup.Prepare();
            exitCode = await enclave(["--config", ConfigurationPath]);
        }
        catch (MachineException e)
        {
            Console.Error.WriteLine($"enclave vm: {e.Message}");
        }

        // The last line, for whoever started the machine: it has no other way to tell.
        Console.Error.WriteLine($"enclave vm: the enclave ended with exit code {exitCode}; so does the machine");
        Console.Error.Flush();
        _ = MachineCalls.Drain(descriptor: 2);
        _ = MachineCalls.Reboot(MachineCalls.Restart);
        return exitCode;
    }

    // What the kernel does not know of its command line becomes an argument or a variable here, and the loader and .NET obey variables.
    private static void RefuseWords(string[] args)
    {
        if (args.Length > 0)
        {
            throw new MachineException($"the kernel's command line has words that it does not know: {string.Join(' ', args)}: start the machine with the image's own command line");
        }

        foreach (string name in Environment.GetEnvironmentVariables().Keys)
        {
            if (name is not ("HOME" or "TERM"))
            {
                throw new MachineException($"the kernel's command line sets {name}, which it does not know: start the machine with the image's own command line");
            }
        }
    }
}
