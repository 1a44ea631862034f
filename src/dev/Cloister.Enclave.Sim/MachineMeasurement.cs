using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Enclave.Sim;

/// <summary>
/// The measurement of a simulated enclave in a virtual machine of its own: SHA-256 of a text with the kernel's command line, its release, and the digest and path
/// of every file of the initramfs, in the order of their paths (docs/enclave-vm.md). The enclave measures itself: a host that changes the image, but not this
/// code, gets another measurement; one that changes this code gets what it likes. That is what a real TEE is for.
/// </summary>
internal sealed class MachineMeasurement
{
    private readonly string _files;

    private MachineMeasurement(string files)
    {
        _files = files;
    }

    /// <summary>Reads the files below <paramref name="root"/>.</summary>
    internal static MachineMeasurement OfFiles(string root)
    {
        EnumerationOptions everything = new() { RecurseSubdirectories = true, AttributesToSkip = 0 };
        string devices = Path.Combine(root, "dev/");
        StringBuilder text = new();
        foreach (string path in Directory.EnumerateFiles(root, "*", everything).Where(path => !path.StartsWith(devices, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using FileStream file = File.OpenRead(path);
            text.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(SHA256.HashData(file))}  /{Path.GetRelativePath(root, path)}\n");
        }

        return new MachineMeasurement(text.ToString());
    }

    /// <summary>With the kernel that runs, as <c>/proc</c> tells it.</summary>
    internal byte[] WithKernel() => WithKernel(File.ReadAllText("/proc/cmdline").TrimEnd('\n'), File.ReadAllText("/proc/sys/kernel/osrelease").TrimEnd('\n'));

    internal byte[] WithKernel(string commandLine, string release) => SHA256.HashData(Encoding.UTF8.GetBytes($"{commandLine}\n{release}\n{_files}"));
}
