using Cloister.Enclave.Tees.Devices;

namespace Cloister.Tee.Tests.Support;

/// <summary>Devices that are what a test says. What a call on them may do besides is up to the nodes.</summary>
internal class FakeMachine : IDevices
{
    internal Dictionary<string, FakeNode> Nodes { get; } = new(StringComparer.Ordinal);

    internal HashSet<string> Folders { get; } = new(StringComparer.Ordinal);

    internal FakeNode this[string path]
    {
        get
        {
            Nodes.TryAdd(path, new FakeNode());
            return Nodes[path];
        }
    }

    public bool Exists(string path) => Nodes.ContainsKey(path) || Folders.Contains(path);

    public IDeviceFile Open(string path, DeviceAccess access)
    {
        FakeNode node = Nodes.TryGetValue(path, out FakeNode? found) ? found : throw new DeviceException(path, Errno.NotFound);
        FakeFile.Throw(path, node, "open");
        return new FakeFile(path, node, access);
    }

    public virtual void CreateFolder(string path)
    {
        if (!Folders.Contains(path[..path.LastIndexOf('/')]))
        {
            throw new DeviceException(path, Errno.NotFound);
        }

        if (!Folders.Add(path))
        {
            throw new DeviceException(path, Errno.Exists);
        }
    }

    public virtual void RemoveFolder(string path)
    {
        if (!Folders.Remove(path))
        {
            throw new DeviceException(path, Errno.NotFound);
        }

        foreach (string file in Nodes.Keys.Where(name => name.StartsWith(path + "/", StringComparison.Ordinal)).ToArray())
        {
            Nodes.Remove(file);
        }
    }
}
