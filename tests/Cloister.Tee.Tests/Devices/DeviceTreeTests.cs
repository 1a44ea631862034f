using Cloister.Enclave.Tees.Devices;

namespace Cloister.Tee.Tests.Devices;

/// <summary>The real calls, in a folder that stands for the root.</summary>
public sealed class DeviceTreeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cloister-").FullName;
    private readonly DeviceTree _tree;

    public DeviceTreeTests()
    {
        _tree = new DeviceTree(_root);
        Directory.CreateDirectory(_root + "/dev");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Files_are_written_and_read()
    {
        File.WriteAllBytes(_root + "/dev/blob", []);
        byte[] content = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i % 251))];
        _tree.WriteAll("/dev/blob", content);
        Assert.Equal(content, _tree.ReadAll("/dev/blob", 10_000));
        Assert.Throws<Cloister.Enclave.Tees.TeeException>(() => _tree.ReadAll("/dev/blob", 9_999));
        Assert.True(_tree.Exists("/dev/blob"));
        Assert.False(_tree.Exists("/dev/none"));
    }

    [Fact]
    public void Folders_are_made_for_the_owner_only_and_removed()
    {
        _tree.CreateFolder("/dev/entry");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_root + "/dev/entry"));
        Assert.Equal(Errno.Exists, Assert.Throws<DeviceException>(() => _tree.CreateFolder("/dev/entry")).Error);
        _tree.RemoveFolder("/dev/entry");
        Assert.Equal(Errno.NotFound, Assert.Throws<DeviceException>(() => _tree.RemoveFolder("/dev/entry")).Error);
    }

    [Fact]
    public void Errors_of_the_kernel_are_told_apart()
    {
        File.WriteAllText(_root + "/dev/file", "x");
        Assert.Equal(Errno.NotFound, Assert.Throws<DeviceException>(() => _tree.Open("/dev/none", DeviceAccess.Read)).Error);
        using IDeviceFile file = _tree.Open("/dev/file", DeviceAccess.ReadWrite);
        DeviceException refusal = Assert.Throws<DeviceException>(() => Control(file));
        Assert.Equal(Errno.NotThisControl, refusal.Error);
        Assert.StartsWith("/dev/file: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(_root, refusal.Message, StringComparison.Ordinal);
        file.Dispose();
        Assert.Throws<DeviceException>(() => file.Write("x"u8));
    }

    private static unsafe void Control(IDeviceFile file)
    {
        ulong argument = 0;
        file.Control(0xC0200A00, &argument);
    }
}
