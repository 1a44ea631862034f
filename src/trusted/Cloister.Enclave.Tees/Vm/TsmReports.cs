using System.Globalization;
using System.Security.Cryptography;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// Reports through configfs-tsm: an entry of its own for every report, what is written and read under one generation, the entry removed
/// afterwards. Source: Documentation/ABI/testing/configfs-tsm of Linux. secrets: none.
/// </summary>
internal sealed class TsmReports
{
    internal const string Folder = "/sys/kernel/config/tsm/report";

    // TSM_OUTBLOB_MAX; later kernels allow more for certificates.
    private const int MaxOut = 64 * 1024;
    private const int MaxAux = 256 * 1024;
    private const int NameSize = 8;

    private readonly IDevices _devices;
    private readonly string _provider;

    /// <summary>Names the only provider that is accepted.</summary>
    internal TsmReports(IDevices devices, string provider)
    {
        _devices = devices;
        _provider = provider;
    }

    /// <summary>One report.</summary>
    /// <param name="reportData">64 bytes.</param>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">Another provider, or somebody else wrote in between.</exception>
    internal TsmReport Get(ReadOnlySpan<byte> reportData)
    {
        string entry = NewEntry();
        try
        {
            return Get(entry, reportData);
        }
        finally
        {
            Remove(entry);
        }
    }

    private TsmReport Get(string entry, ReadOnlySpan<byte> reportData)
    {
        string provider = _devices.ReadText($"{entry}/provider");
        if (provider != _provider)
        {
            throw new TeeException(
                $"{entry}/provider is '{provider}' and '{_provider}' was expected: this machine is another kind of confidential VM, or one more module is loaded; unload it");
        }

        TakePrivilegeLevel(entry);

        // The kernel gives a written blob to the driver at close and says nothing of it: only the generation shows that it was taken.
        ulong before = Generation(entry);
        _devices.WriteAll($"{entry}/inblob", reportData);
        RequireGeneration(entry, unchecked(before + 1));
        byte[] report = _devices.ReadAll($"{entry}/outblob", MaxOut);
        byte[] certificates = ReadAux(entry);
        RequireGeneration(entry, unchecked(before + 1));
        return new TsmReport(report, certificates);
    }

    // Below an SVSM a guest has no level 0 to ask at: the kernel names the most privileged one that it has, and takes no other by itself.
    private void TakePrivilegeLevel(string entry)
    {
        string floor;
        try
        {
            floor = _devices.ReadText($"{entry}/privlevel_floor");
        }
        catch (DeviceException e) when (e.Error == Errno.NotFound)
        {
            return;
        }

        switch (floor)
        {
            case "0":
                return;
            case "1" or "2" or "3":
                _devices.WriteAll($"{entry}/privlevel", [(byte)floor[0]]);
                return;
            default:
                throw new TeeException($"{entry}/privlevel_floor is no privilege level: that is not configfs-tsm, look at what is mounted on /sys/kernel/config");
        }
    }

    private byte[] ReadAux(string entry)
    {
        try
        {
            return _devices.ReadAll($"{entry}/auxblob", MaxAux);
        }
        catch (DeviceException e) when (e.Error == Errno.NotFound)
        {
            // Kernels show it only where a provider has one.
            return [];
        }
    }

    private ulong Generation(string entry)
    {
        string text = _devices.ReadText($"{entry}/generation");
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong generation)
            ? generation
            : throw new TeeException($"{entry}/generation is no number: that is not configfs-tsm, look at what is mounted on /sys/kernel/config");
    }

    private void RequireGeneration(string entry, ulong expected)
    {
        if (Generation(entry) != expected)
        {
            throw new TeeException(
                $"{entry} was written to by somebody else, or did not take what was written (its generation is not {expected}): find the process that writes to entries named cloister-",
                isPassing: true);
        }
    }

    private string NewEntry()
    {
        Span<byte> name = stackalloc byte[NameSize];
        KernelRandom.Fill(name);
        string entry = $"{Folder}/cloister-{Convert.ToHexStringLower(name)}";
        CryptographicOperations.ZeroMemory(name);
        _devices.CreateFolder(entry);
        return entry;
    }

    // What is left behind costs the kernel a little memory until the next boot; the report is good all the same.
    private void Remove(string entry)
    {
        try
        {
            _devices.RemoveFolder(entry);
        }
        catch (DeviceException)
        {
            // As said above.
        }
    }
}
