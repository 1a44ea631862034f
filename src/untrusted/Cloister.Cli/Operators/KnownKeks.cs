namespace Cloister.Cli.Operators;

/// <summary>
/// Which KEK versions an operator has given to enclaves: a line each of cluster, name, version and key_id, in a file beside the operator's key. An enclave without a sealed
/// copy forgets at a restart which key a version was; this file does not. secrets: none.
/// </summary>
/// <param name="file">The file; it need not be there yet.</param>
internal sealed class KnownKeks(string file)
{
    /// <summary>What is added to the name of an operator's key.</summary>
    internal const string Suffix = ".keks";

    /// <summary>Refuses another key for a version that is known.</summary>
    /// <exception cref="CliException">It is another one; exit 2.</exception>
    internal void Require(string cluster, string name, uint version, string keyId)
    {
        if (Lines().FirstOrDefault(line => IsOf(line, cluster, name, version)) is { } line && line.Split(' ')[3] != keyId)
        {
            throw new CliException(
                $"another KEK was given to enclaves of {cluster} as {name} version {version} before: key_id {line.Split(' ')[3]}, this one has {keyId}. Nothing was sent: values under the first do not open with it. "
                + $"Take the right key, or the next --version; if the first is given up for good, take its line out of {file}",
                ExitCode.No);
        }
    }

    /// <summary>Adds a version that an enclave has taken. Where that cannot be written, a message says so: the enclave has the KEK.</summary>
    internal void Add(string cluster, string name, uint version, string keyId)
    {
        try
        {
            if (!Lines().Any(line => IsOf(line, cluster, name, version)))
            {
                File.AppendAllText(file, $"{cluster} {name} {version} {keyId}\n");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"cloister: {file} cannot be written ({e.Message}): another KEK as {name} version {version} will not be noticed there; use --expect-key-id {keyId}");
        }
    }

    private IEnumerable<string> Lines() => File.Exists(file) ? File.ReadAllLines(file).Where(line => line.Split(' ').Length == 4) : [];

    private static bool IsOf(string line, string cluster, string name, uint version) => line.StartsWith($"{cluster} {name} {version} ", StringComparison.Ordinal);
}
