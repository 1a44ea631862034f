using System.Globalization;
using System.Text;

namespace Cloister.Cli.Vm;

/// <summary>
/// Writes archives that the kernel unpacks at its start: cpio in its form "newc", owned by root, without times. The same entries give the same bytes, in whatever
/// order they come. Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
/// </summary>
internal sealed class CpioArchive
{
    private const int Alignment = 4;
    private const uint Folder = 0x4000;
    private const uint File = 0x8000;
    private const uint CharacterDevice = 0x2000;

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Adds a folder.</summary>
    /// <param name="name">Relative path, such as <c>etc/cloister</c>.</param>
    /// <param name="mode">Permissions.</param>
    internal void AddFolder(string name, uint mode) => Add(name, new Entry(Folder | mode, [], 0, 0));

    /// <summary>Adds a file.</summary>
    internal void AddFile(string name, uint mode, byte[] content) => Add(name, new Entry(File | mode, content, 0, 0));

    /// <summary>Adds a character device.</summary>
    internal void AddDevice(string name, uint mode, uint major, uint minor) => Add(name, new Entry(CharacterDevice | mode, [], major, minor));

    /// <summary>The archive.</summary>
    internal byte[] ToArray()
    {
        using MemoryStream output = new();
        uint number = 1;
        foreach ((string name, Entry entry) in _entries)
        {
            Write(output, number++, name, entry);
        }

        Write(output, 0, "TRAILER!!!", new Entry(0, [], 0, 0));
        return output.ToArray();
    }

    private static void Write(MemoryStream output, uint number, string name, Entry entry)
    {
        uint links = (entry.Mode & Folder) != 0 ? 2u : 1u;
        byte[] path = [.. Encoding.UTF8.GetBytes(name), 0];
        uint[] fields = [number, entry.Mode, 0, 0, links, 0, (uint)entry.Content.Length, 0, 0, entry.Major, entry.Minor, (uint)path.Length, 0];
        output.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(field => field.ToString("x8", CultureInfo.InvariantCulture)))));
        output.Write(path);
        Pad(output);
        output.Write(entry.Content);
        Pad(output);
    }

    private static void Pad(MemoryStream output)
    {
        while (output.Length % Alignment != 0)
        {
            output.WriteByte(0);
        }
    }

    private void Add(string name, Entry entry)
    {
        string[] parts = name.Split('/');
        if (parts.Any(part => part is "" or "." or ".."))
        {
            throw new CliException($"'{name}' is no relative path without . and ..");
        }

        if (!_entries.TryAdd(name, entry))
        {
            throw new CliException($"{name} is there twice");
        }
    }

    private sealed record Entry(uint Mode, byte[] Content, uint Major, uint Minor);
}
