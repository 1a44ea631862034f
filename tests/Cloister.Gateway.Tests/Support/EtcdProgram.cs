using System.Collections.Concurrent;
using Cloister.Conformance.Harness;

namespace Cloister.Gateway.Tests.Support;

/// <summary>An etcd of some version.</summary>
/// <param name="Path">The program.</param>
/// <param name="Quick">Its flags for not waiting for the disk, if it has any.</param>
internal sealed record EtcdProgram(string Path, IReadOnlyList<string> Quick)
{
    private const int Unavailable = 77;

    private static readonly ConcurrentDictionary<string, Lazy<Task<CommandResult>>> Fetched = [];

    /// <summary>The one of the API server's harness, or of an older Debian release; skips the test that asks when it is not to be had.</summary>
    internal static async Task<EtcdProgram> GetAsync(string? debian)
    {
        string path = debian is null ? (await HarnessPrograms.GetAsync()).PathOf("etcd") : await FetchAsync(debian);
        CommandResult help = await Command.RunAsync(path, ["--help"], TestContext.Current.CancellationToken);
        return new EtcdProgram(path, (help.Output + help.Error).Contains("--unsafe-no-fsync", StringComparison.Ordinal) ? ["--unsafe-no-fsync"] : []);
    }

    private static async Task<string> FetchAsync(string debian)
    {
        CommandResult result = await Fetched.GetOrAdd(debian, suite => new(() => Command.RunAsync(
            Repository.PathOf("eng", "etcd-harness"), [suite], CancellationToken.None, limit: TimeSpan.FromMinutes(10)))).Value;
        Assert.SkipWhen(result.ExitCode == Unavailable, result.Error.Trim().Split('\n')[^1]);
        return result.EnsureSuccess().Trim().Split('\n')[^1];
    }
}
