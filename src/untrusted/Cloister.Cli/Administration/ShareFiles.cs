using System.Text;

namespace Cloister.Cli.Administration;

/// <summary>Recovery shares as files, one each, readable by their owner alone. secrets: shares.</summary>
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

    /// <summary>Writes shares into a new folder.</summary>
    /// <returns>The files, in order.</returns>
    internal static string[] Write(string folder, string of, IReadOnlyList<string> shares)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] files = [.. shares.Select((_, index) => Path.Combine(folder, $"{of}-share-{index + 1}.txt"))];
        for (int i = 0; i < files.Length; i++)
        {
            using FileStream file = new(files[i], new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.Write(Encoding.ASCII.GetBytes(shares[i]));
            file.Flush(flushToDisk: true);
        }

        return files;
    }

    /// <summary>Reads shares.</summary>
    /// <exception cref="CliException">A file is too long for one.</exception>
    internal static string[] Read(string[] files) =>
    [
        .. files.Select(file => new FileInfo(file).Length <= MaxSize ? File.ReadAllText(file) : throw new CliException($"'{file}' is no recovery share: it is too long")),
    ];
}
