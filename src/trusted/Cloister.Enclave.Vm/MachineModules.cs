using System.Runtime.InteropServices;

namespace Cloister.Enclave.Vm;

/// <summary>Loads the kernel modules of the image, in the order of their names, removes their files, and has the kernel take no more. secrets: none.</summary>
internal static class MachineModules
{
    internal const string Folder = "/modules";

    // Of a network device, which a machine without a network never gets a driver for.
    private const string NetworkFolder = $"{Folder}/network";

    internal static void Load(bool network)
    {
        LoadAll(Folder);
        if (network)
        {
            LoadAll(NetworkFolder);
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static void LoadAll(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            int descriptor = MachineException.Check(MachineCalls.Open(path, MachineCalls.CloseOnExec), $"open {path}");
            int result = MachineCalls.LoadModule(descriptor);
            int error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
            _ = MachineCalls.Close(descriptor);

            // Drivers of TEEs that this one is not.
            if (error is not (0 or MachineCalls.NoDevice))
            {
                throw new MachineException($"the kernel does not take {path} (error {error}): build the image again with 'make enclave-vm', kernel and modules go together");
            }
        }
    }
}
