namespace Cloister.Conformance.Harness;

/// <summary>The programs that eng/apiserver-harness fetches and builds, once for all tests of a run.</summary>
internal sealed class HarnessPrograms
{
    private const int Unavailable = 77;

    private static readonly Lazy<Task<HarnessPrograms>> Shared = new(LoadAsync);

    private readonly string _folder;

    private HarnessPrograms(string folder, string? missing)
    {
        _folder = folder;
        Missing = missing;
    }

    /// <summary>Why they are not to be had here, or null.</summary>
    private string? Missing { get; }

    /// <summary>Waits for the programs; skips the test that asks when they are not to be had.</summary>
    public static async Task<HarnessPrograms> GetAsync()
    {
        HarnessPrograms programs = await Shared.Value;
        Assert.SkipWhen(programs.Missing is not null, programs.Missing ?? "");
        return programs;
    }

    /// <summary>The path of apiserver, kmspeer, etcd, etcdctl or kubectl. CLOISTER_ETCD is the path of another etcd.</summary>
    public string PathOf(string program) =>
        program == "etcd" && Environment.GetEnvironmentVariable("CLOISTER_ETCD") is { Length: > 0 } etcd ? etcd : Path.Combine(_folder, "bin", program);

    private static async Task<HarnessPrograms> LoadAsync()
    {
        CommandResult result = await Command.RunAsync(
            Repository.PathOf("eng", "apiserver-harness"), [], CancellationToken.None, limit: TimeSpan.FromMinutes(40));
        if (result.ExitCode == Unavailable)
        {
            return new HarnessPrograms("", result.Error.Trim().Split('\n')[^1]);
        }

        return new HarnessPrograms(result.EnsureSuccess().Trim().Split('\n')[^1], null);
    }
}
