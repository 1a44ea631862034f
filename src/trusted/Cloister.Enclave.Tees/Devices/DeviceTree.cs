using System.Runtime.InteropServices;

namespace Cloister.Enclave.Tees.Devices;

/// <summary>
/// Devices as the kernel has them. The root is for tests; the release program has one instance, at <c>/</c>, and no setting that changes it.
/// secrets: sealing keys pass through its files.
/// </summary>
internal sealed class DeviceTree : IDevices
{
    /// <summary>The machine's own.</summary>
    internal static readonly DeviceTree Machine = new("");

    private const uint OwnerOnly = 0x1C0;

    private readonly string _root;

    /// <summary>Names the folder that stands for <c>/</c>; empty for the machine's.</summary>
    internal DeviceTree(string root)
    {
        _root = root;
    }

    public bool Exists(string path) => Path.Exists(_root + path);

    public IDeviceFile Open(string path, DeviceAccess access)
    {
        int descriptor = DeviceCalls.Open(_root + path, (int)access | DeviceCalls.CloseOnExec);
        return descriptor >= 0 ? new DeviceFile(path, descriptor) : throw new DeviceException(path, Marshal.GetLastPInvokeError());
    }

    public void CreateFolder(string path)
    {
        if (DeviceCalls.MakeFolder(_root + path, OwnerOnly) != 0)
        {
            throw new DeviceException(path, Marshal.GetLastPInvokeError());
        }
    }

    public void RemoveFolder(string path)
    {
        if (DeviceCalls.RemoveFolder(_root + path) != 0)
        {
            throw new DeviceException(path, Marshal.GetLastPInvokeError());
        }
    }
}
