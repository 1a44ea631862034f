using System.Runtime.InteropServices;

namespace Cloister.Enclave.Tees.Devices;

/// <summary>A file of a <see cref="DeviceTree"/>. Used by one thread. secrets: sealing keys pass through.</summary>
internal sealed unsafe class DeviceFile : IDeviceFile
{
    private readonly string _path;
    private int _descriptor;

    internal DeviceFile(string path, int descriptor)
    {
        _path = path;
        _descriptor = descriptor;
    }

    public int Read(Span<byte> destination)
    {
        fixed (byte* buffer = destination)
        {
            return (int)Checked(DeviceCalls.Read(_descriptor, buffer, (nuint)destination.Length));
        }
    }

    public int Write(ReadOnlySpan<byte> source)
    {
        fixed (byte* buffer = source)
        {
            return (int)Checked(DeviceCalls.Write(_descriptor, buffer, (nuint)source.Length));
        }
    }

    public void Control(uint code, void* argument) => Checked(DeviceCalls.Control(_descriptor, code, argument));

    /// <summary>Closes it. configfs gives a written blob to its driver only now, and swallows what the driver says to it.</summary>
    public void Dispose()
    {
        if (_descriptor >= 0)
        {
            _ = DeviceCalls.Close(_descriptor);
            _descriptor = -1;
        }
    }

    private nint Checked(nint result) => result >= 0 ? result : throw new DeviceException(_path, Marshal.GetLastPInvokeError());
}
