using System.Runtime.InteropServices;

namespace Cloister.Cli.Doctor;

/// <summary>Whose a file is.</summary>
internal sealed record FileOwner(uint User, uint Group, UnixFileMode Mode);

/// <summary>The files of a machine.</summary>
/// <param name="root">Where its root folder is: <c>/</c>, or a folder of tests.</param>
internal sealed unsafe partial class HostFiles(string root)
{
    private const int CurrentFolder = -100;
    private const uint BasicStats = 0x7ff;
    private const int StatxSize = 256;

    /// <summary>Tells whose a file is; tests put their own.</summary>
    internal Func<string, FileOwner> Owners { get; init; } = Statx;

    /// <summary>Free bytes of the file system that a folder is on.</summary>
    internal Func<string, long> Free { get; init; } = path => new DriveInfo(path).AvailableFreeSpace;

    /// <summary>A path of that machine, as this program opens it.</summary>
    internal string At(string path) => root == "/" ? path : root + path;

    internal bool Exists(string path) => Path.Exists(At(path));

    /// <summary>There is a link, also one that leads nowhere below this root.</summary>
    internal bool IsLink(string path) => new FileInfo(At(path)).LinkTarget is not null;

    /// <summary>A file's text without the line feed at its end; null when there is none.</summary>
    internal string? Text(string path)
    {
        try
        {
            return File.ReadAllText(At(path)).TrimEnd('\n');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Names in a folder, sorted; none when there is no such folder.</summary>
    internal IReadOnlyList<string> Names(string folder, string pattern = "*") => Directory.Exists(At(folder))
        ? [.. Directory.EnumerateFileSystemEntries(At(folder), pattern).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
        : [];

    internal FileOwner Owner(string path) => Owners(At(path));

    internal static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');

    // Source: statx(2), struct statx: stx_uid at 20, stx_gid at 24.
    private static FileOwner Statx(string path)
    {
        byte* status = stackalloc byte[StatxSize];
        return Statx(CurrentFolder, path, 0, BasicStats, status) == 0
            ? new FileOwner(*(uint*)(status + 20), *(uint*)(status + 24), File.GetUnixFileMode(path))
            : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* status);
}
