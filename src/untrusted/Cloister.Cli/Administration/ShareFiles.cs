using System.Text;
using Cloister.AdminApi;

namespace Cloister.Cli.Administration;

/// <summary>Recovery shares as files, one each, readable by their owner alone. secrets: shares that are open.</summary>
internal static class ShareFiles
{
    private const int MaxSize = 4096;

    /// <summary>A folder for shares.</summary>
    /// <exception cref="CliException">It is there already.</exception>
    internal static string NewFolder(string path)
    {
        string folder = Path.GetFullPath(path);
        return Path.Exists(folder)
            ? throw new CliException($"'{folder}' is there already: name a new folder, so that no share of another set lies among these")
            : folder;
    }

    /// <summary>Reads public keys of keepers.</summary>
    /// <exception cref="CliException">A file is too long for one.</exception>
    internal static string[] ReadKeepers(string[] files) => [.. files.Select(file => Read(file, "is no public key"))];

    /// <summary>Reads a share, or something of its size.</summary>
    /// <exception cref="CliException">The file is too long.</exception>
    internal static string Read(string file, string problem) =>
        new FileInfo(file).Length <= MaxSize ? File.ReadAllText(file) : throw new CliException($"'{file}' {problem}: it is too long");

    /// <summary>Writes a share into a new file.</summary>
    internal static void WriteNew(string path, string share)
    {
        using FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(Encoding.ASCII.GetBytes(share));
        file.Flush(flushToDisk: true);
    }

    /// <summary>Writes sealed shares into a new folder.</summary>
    /// <returns>The files, in order.</returns>
    internal static string[] Write(string folder, string of, IReadOnlyList<SealedRecoveryShare> shares)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] files = [.. shares.Select((_, index) => Path.Combine(folder, $"{of}-share-{index + 1}.jwe"))];
        for (int i = 0; i < files.Length; i++)
        {
            WriteNew(files[i], shares[i].Share + "\n");
        }

        return files;
    }

    /// <summary>Reads shares.</summary>
    /// <exception cref="CliException">A file is too long for one.</exception>
    internal static string[] Read(string[] files) => [.. files.Select(file => Read(file, "is no recovery share"))];
}
