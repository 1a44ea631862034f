using System.Diagnostics.CodeAnalysis;
using Cloister.Attacks.Grounds;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Framework;

/// <summary>Where one attack takes place: a folder, processes of its own, and those that attacks share. All of its own is stopped at the end, last first.</summary>
internal sealed class Ground(SharedGrounds shared, CancellationToken stop) : IAsyncDisposable
{
    private readonly List<object> _own = [];
    private string? _folder;

    /// <summary>Ends the attack.</summary>
    public CancellationToken Stop => stop;

    /// <summary>An empty folder, gone afterwards.</summary>
    public string Folder => _folder ??= Directory.CreateTempSubdirectory("cloister-attack-").FullName;

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Stops it, or disposes of it, at the end.</summary>
    public T Add<T>(T own)
        where T : notnull
    {
        _own.Add(own);
        return own;
    }

    public async Task<T> AddAsync<T>(Task<T> own)
        where T : notnull => Add(await own);

    /// <summary>etcd, API server and kubectl; without them the attack is skipped, with the reason.</summary>
    public static Task<HarnessPrograms> ProgramsAsync() => HarnessPrograms.GetAsync();

    /// <summary>A cluster that other attacks use at the same time: leave it as it is. Keys of etcd that an attack writes begin with its name.</summary>
    public Task<Cluster> SharedClusterAsync() => shared.ClusterAsync();

    /// <summary>A cluster with two API servers that other attacks use at the same time: only good values below <c>/registry/secrets/</c>.</summary>
    public Task<ApiCluster> SharedApiClusterAsync() => shared.ApiClusterAsync();

    /// <summary>A cluster of this attack's own.</summary>
    public Task<Cluster> OwnClusterAsync(ClusterOptions? options = null) => AddAsync(Cluster.StartAsync(options ?? new ClusterOptions(), stop));

    [DoesNotReturn]
    public static void Skip(string reason) => throw new SkippedException(reason);

    /// <summary>Skips the attack where this process is not root.</summary>
    public static void NeedsRoot(string what)
    {
        if (Environment.UserName != "root")
        {
            Skip($"needs root to {what}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<Exception> failures = [];
        foreach (object own in Enumerable.Reverse(_own))
        {
            try
            {
                switch (own)
                {
                    case IAsyncDisposable asynchronous:
                        await asynchronous.DisposeAsync();
                        break;
                    case IDisposable disposable:
                        disposable.Dispose();
                        break;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failures.Add(e);
            }
        }

        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }

        if (failures.Count > 0)
        {
            throw new AggregateException("not everything could be stopped", failures);
        }
    }
}

/// <summary>An attack that cannot be tried here.</summary>
internal sealed class SkippedException(string reason) : Exception(reason)
{
    // What xunit's assertions throw to skip a test: fixtures of tests do so.
    private const string Token = "$XunitDynamicSkip$";

    /// <summary>Why the attack is skipped, or null: it failed.</summary>
    public static string? ReasonOf(Exception e) =>
        e is SkippedException ? e.Message : e.Message.StartsWith(Token, StringComparison.Ordinal) ? e.Message[Token.Length..] : null;
}
