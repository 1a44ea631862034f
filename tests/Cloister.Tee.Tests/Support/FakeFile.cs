using Cloister.Enclave.Tees.Devices;

namespace Cloister.Tee.Tests.Support;

/// <summary>An open <see cref="FakeNode"/>.</summary>
internal sealed unsafe class FakeFile(string path, FakeNode node, DeviceAccess access) : IDeviceFile
{
    private readonly List<byte> _written = [];
    private byte[]? _content;
    private int _position;

    internal static void Throw(string path, FakeNode node, string call)
    {
        if (node.Errors.TryGetValue(call, out Queue<int>? errors) && errors.TryDequeue(out int error))
        {
            throw new DeviceException(path, error);
        }
    }

    public int Read(Span<byte> destination)
    {
        Assert.NotEqual(DeviceAccess.Write, access);
        Throw(path, node, "read");
        _content ??= node.OnRead();
        int length = Math.Min(Math.Min(destination.Length, node.Chunk), _content.Length - _position);
        _content.AsSpan(_position, length).CopyTo(destination);
        _position += length;
        return length;
    }

    public int Write(ReadOnlySpan<byte> source)
    {
        Assert.NotEqual(DeviceAccess.Read, access);
        Throw(path, node, "write");
        int taken = Math.Min(source.Length, node.Taken);
        _written.AddRange(source[..taken]);
        return taken;
    }

    public void Control(uint code, void* argument)
    {
        Assert.Equal(DeviceAccess.ReadWrite, access);
        Throw(path, node, "control");
        if (node.OnControl is null)
        {
            throw new DeviceException(path, Errno.NotThisControl);
        }

        node.OnControl(code, argument);
    }

    public void Dispose()
    {
        if (_written.Count > 0)
        {
            node.OnWrite([.. _written]);
            _written.Clear();
        }
    }
}
