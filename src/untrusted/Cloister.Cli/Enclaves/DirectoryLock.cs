namespace Cloister.Cli.Enclaves;

/// <summary>A folder that one process at a time works on.</summary>
internal static class DirectoryLock
{
    private const int WouldBlock = 11;

    /// <summary>Claims a folder that is there, until the stream is closed or this process ends.</summary>
    /// <exception cref="CliException">Another process has it.</exception>
    /// <exception cref="IOException">It cannot be used.</exception>
    internal static FileStream Take(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new CliException($"another 'cloister dev' runs on {folder}: stop it first, or name another folder");
        }
    }
}
