using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Harness;

/// <summary>etcd, an API server and a plugin in one temporary folder.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private static readonly bool Keep = Environment.GetEnvironmentVariable("CLOISTER_CONFORMANCE_KEEP") is "1";

    private readonly HarnessPrograms _programs;
    private readonly string _folder;
    private readonly Way _way;
    private readonly string[] _arguments;
    private ApiServer? _apiServer;

    private Cluster(HarnessPrograms programs, string folder, EtcdServer etcd, Way way, IPluginUnderTest plugin, string[] arguments)
    {
        _way = way;
        _programs = programs;
        _folder = folder;
        _arguments = arguments;
        Etcd = etcd;
        Plugin = plugin;
        Kubectl = new Kubectl(programs.PathOf("kubectl"), folder, Kubeconfig);
    }

    public EtcdServer Etcd { get; }

    public Kubectl Kubectl { get; }

    public IPluginUnderTest Plugin { get; }

    private string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    private string EncryptionConfiguration => Path.Combine(_folder, "encryption.yaml");

    /// <summary>Starts etcd and a plugin, and then the API server on the plugin's own EncryptionConfiguration.</summary>
    public static Task<Cluster> StartAsync(Way way, CancellationToken cancellation) =>
        StartAsync(way, plugin => plugin.EncryptionConfiguration, [], cancellation);

    /// <summary>Starts etcd, a plugin and the API server, and waits until it is ready.</summary>
    /// <param name="way">How the API server reaches the plugin.</param>
    /// <param name="configuration">The EncryptionConfiguration for the plugin, which runs by then.</param>
    /// <param name="arguments">Further arguments of the API server.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async Task<Cluster> StartAsync(
        Way way,
        Func<IPluginUnderTest, string> configuration,
        string[] arguments,
        CancellationToken cancellation)
    {
        Cluster cluster = await PrepareAsync(way, arguments, cancellation);
        try
        {
            await cluster.Plugin.StartAsync(cancellation);
            await cluster.ConfigureAsync(configuration(cluster.Plugin), cancellation);
            await cluster.StartApiServerAsync(cancellation);
            await cluster.UntilReadyAsync(cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts etcd only. The rest is up to the test.</summary>
    public static async Task<Cluster> PrepareAsync(Way way, string[] arguments, CancellationToken cancellation)
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        await PluginsUnderTest.PrepareAsync();
        string folder = Directory.CreateTempSubdirectory("conformance-").FullName;
        try
        {
            IPluginUnderTest made = PluginsUnderTest.Create(way, programs, NewFolder(folder, "plugin"));
            EtcdServer etcd = await EtcdServer.StartAsync(programs, folder, cancellation);
            return new Cluster(programs, folder, etcd, way, made, arguments);
        }
        catch
        {
            Remove(folder);
            throw;
        }
    }

    /// <summary>A second plugin of the same kind and provider name, with keys of its own. The caller disposes of it.</summary>
    public IPluginUnderTest CreateStranger() => PluginsUnderTest.Create(_way, _programs, NewFolder(_folder, "stranger"));

    /// <summary>Puts another EncryptionConfiguration in place in one step, as an API server that reloads needs it.</summary>
    public async Task ConfigureAsync(string configuration, CancellationToken cancellation)
    {
        await File.WriteAllTextAsync(EncryptionConfiguration + ".partial", configuration, cancellation);
        File.Move(EncryptionConfiguration + ".partial", EncryptionConfiguration, overwrite: true);
    }

    public async Task StartApiServerAsync(CancellationToken cancellation) =>
        _apiServer = await ApiServer.StartAsync(
            _programs,
            _folder,
            Kubeconfig,
            ["--etcd-servers", Etcd.Url, "--encryption-provider-config", EncryptionConfiguration, .. _arguments],
            cancellation);

    public async Task StopApiServerAsync()
    {
        if (_apiServer is not null)
        {
            await _apiServer.DisposeAsync();
            _apiServer = null;
        }
    }

    public async Task RestartApiServerAsync(CancellationToken cancellation)
    {
        await StopApiServerAsync();
        await StartApiServerAsync(cancellation);
        await UntilReadyAsync(cancellation);
    }

    /// <summary>Waits for /readyz and for the watch cache, which fills later: until then lists are answered 429.</summary>
    public async Task<TimeSpan> UntilReadyAsync(CancellationToken cancellation, TimeSpan? limit = null)
    {
        CommandResult? last = null;
        return await Eventually.HoldsAsync(
            "the API server is ready",
            limit ?? TimeSpan.FromSeconds(60),
            async () =>
            {
                last = await Kubectl.RunAsync(cancellation, "get", "--raw", "/readyz?verbose");
                if (last.Succeeded)
                {
                    last = await Kubectl.RunAsync(cancellation, "get", "secrets", "-o", "name");
                }

                return last.Succeeded;
            },
            cancellation,
            () => $"{last?.Error}{_apiServer?.Tail()}");
    }

    /// <summary>The bytes that etcd holds for a Secret of namespace default.</summary>
    public async Task<byte[]> StoredAsync(string secret, CancellationToken cancellation) =>
        await Etcd.GetAsync(StorageKey(secret), cancellation) ?? throw new InvalidOperationException($"{secret} is not in etcd");

    /// <summary>The etcd key of a Secret of namespace default.</summary>
    public static string StorageKey(string secret) => $"/registry/secrets/default/{secret}";

    public async ValueTask DisposeAsync()
    {
        await StopApiServerAsync();
        await Plugin.DisposeAsync();
        await Etcd.DisposeAsync();
        Remove(_folder);
    }

    private static void Remove(string folder)
    {
        if (!Keep)
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string NewFolder(string parent, string name) => Directory.CreateDirectory(Path.Combine(parent, name)).FullName;
}
