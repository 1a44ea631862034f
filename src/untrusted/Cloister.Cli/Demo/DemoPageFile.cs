namespace Cloister.Cli.Demo;

/// <summary>The file that a page goes to. It is made beside it before anything runs, so that who cannot write there is told at once, and takes its place when it is whole.</summary>
internal sealed class DemoPageFile : IDisposable
{
    private readonly string _path;
    private readonly string _beside;
    private readonly FileStream _file;

    private DemoPageFile(string path)
    {
        _path = Path.GetFullPath(path);
        _beside = $"{_path}.{Environment.ProcessId}";
        _file = new FileStream(_beside, FileMode.CreateNew, FileAccess.Write);
    }

    /// <summary>Opens one.</summary>
    /// <exception cref="CliException">Nothing can be written there.</exception>
    internal static DemoPageFile Open(string path)
    {
        try
        {
            return Directory.Exists(path) ? throw new CliException($"--html {path} is a folder: name a file") : new DemoPageFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CliException($"--html {path} cannot be written: {e.Message}");
        }
    }

    /// <summary>Writes it, and puts it in its place.</summary>
    internal void Write(string page)
    {
        using (StreamWriter writer = new(_file))
        {
            writer.Write(page);
        }

        File.Move(_beside, _path, overwrite: true);
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_beside);
    }
}
