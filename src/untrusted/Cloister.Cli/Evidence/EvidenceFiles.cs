namespace Cloister.Cli.Evidence;

/// <summary>Reads what the evidence commands are given; a file that cannot be read ends the command.</summary>
internal static class EvidenceFiles
{
    private const long MaximumLength = 16 * 1024 * 1024;

    internal static byte[] Read(string file) => Reading(() =>
    {
        FileInfo info = new(file);
        return info.Length <= MaximumLength ? File.ReadAllBytes(file) : throw new IOException($"'{file}' is larger than {MaximumLength} bytes.");
    });

    internal static T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(e.Message);
        }
    }
}
