namespace Cloister.Conformance.Harness;

/// <summary>One life of the API server of tests/apiserver.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private ApiServer(ChildProcess process) => _process = process;

    /// <summary>Starts it and waits until it listens; it need not be ready.</summary>
    public static async Task<ApiServer> StartAsync(
        HarnessPrograms programs, string folder, string kubeconfig, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        File.Delete(kubeconfig);
        ChildProcess process = ChildProcess.Start(
            "apiserver",
            folder,
            programs.PathOf("apiserver"),
            ["--v", "2", "--cert-dir", Path.Combine(folder, "certificates"), "--write-kubeconfig", kubeconfig, .. arguments]);
        ApiServer server = new(process);
        try
        {
            await Eventually.HoldsAsync(
                "the API server listens",
                TimeSpan.FromSeconds(60),
                () => process.HasExited
                    ? throw new InvalidOperationException("the API server ended:\n" + process.Tail())
                    : Task.FromResult(File.Exists(kubeconfig)),
                cancellation,
                () => process.Tail());
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Tail() => _process.Tail();

    /// <summary>Ends it at once: a graceful stop waits a minute for watches, which is not what is tested here.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.KillAsync();
        await _process.DisposeAsync();
    }
}
