using System.Text;
using Cloister.AdminApi;

namespace Cloister.Cli.Administration;

/// <summary>Recovery shares as files, one each, readable by their owner alone. secrets: shares.</summary>
internal static class ShareFiles
{
    private const int MaxSize = 4096;

    /// <summary>Writes shares into a new folder.</summary>
    /// <returns>The files, in order.</returns>
    internal static string[] Write(string folder, ExportedKek shares)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] files = [.. shares.Shares.Select((_, index) => Path.Combine(folder, $"{shares.Kek}-v{shares.Version}-share-{index + 1}.txt"))];
        for (int i = 0; i < files.Length; i++)
        {
            using FileStream file = new(files[i], new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.Write(Encoding.ASCII.GetBytes(shares.Shares[i]));
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
