namespace Cloister.Enclave.Sim;

/// <summary>Files that only their owner reads.</summary>
internal static class PrivateFile
{
    /// <summary>Makes a file that is there whole or not at all.</summary>
    internal static void Create(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + ".new";
        using (FileStream stream = new(beside, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }
}
