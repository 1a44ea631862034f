namespace Cloister.Cli.Demo;

/// <summary>Real API-server code, etcd and kubectl, where <c>eng/apiserver-harness</c> has built them on this machine.</summary>
/// <param name="Folder">The folder of the programs.</param>
internal sealed record ApiServerHarness(string Folder)
{
    private const string Variable = "CLOISTER_APISERVER_HARNESS";

    private static readonly string[] Programs = ["apiserver", "etcd", "kubectl"];

    /// <summary>The newest that was built here, or null.</summary>
    internal static ApiServerHarness? Find()
    {
        string home = Environment.GetEnvironmentVariable("HOME") ?? "/";
        string cache = Environment.GetEnvironmentVariable("CLOISTER_CACHE")
            ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(home, ".cache"), "cloister");
        string built = Path.Combine(cache, "apiserver");
        IEnumerable<string> candidates = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
            ? [named]
            : Directory.Exists(built)
                ? Directory.GetDirectories(built, "built-*").OrderByDescending(Directory.GetLastWriteTimeUtc)
                : [];
        return candidates
            .Select(folder => new ApiServerHarness(Path.Combine(folder, "bin")))
            .FirstOrDefault(harness => Programs.All(program => File.Exists(harness.PathOf(program))));
    }

    internal string PathOf(string program) => Path.Combine(Folder, program);
}
