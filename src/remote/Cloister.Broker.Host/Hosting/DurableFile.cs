using System.Text;

namespace Cloister.Broker.Host.Hosting;

/// <summary>A small file of this broker's own that is replaced as a whole. secrets: none.</summary>
internal static class DurableFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces it: after a loss of power there is the old text or the new one. Readable by its owner alone.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal static void Replace(string path, string text)
    {
        // Another broker may share the directory.
        string beside = $"{path}.{Environment.ProcessId}";
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        using (FileStream file = new(beside, options))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }
}
