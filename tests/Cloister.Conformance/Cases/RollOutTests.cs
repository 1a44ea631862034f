using System.Security.Cryptography;
using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>
/// Several API servers on one etcd, whose EncryptionConfigurations change one after the other, as docs/operations.md says. After every single change each of
/// them writes, and the other reads it.
/// </summary>
public sealed class RollOutTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollout-").FullName;
    private readonly List<IAsyncDisposable> _running = [];
    private readonly List<string> _secrets = [];
    private Server[] _servers = [];
    private IPluginUnderTest _plugin = null!;
    private EtcdServer _etcd = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable one in Enumerable.Reverse(_running))
        {
            await one.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Readers_then_writers_then_sealed_and_back_never_leaves_a_server_without_a_Secret()
    {
        await StartAsync([]);
        await OnAllAsync(await PhaseAsync("readers"));
        await OnAllAsync(await PhaseAsync("writers"));
        await RewriteAsync();
        await OnAllAsync(await PhaseAsync("sealed"));

        await OnAllAsync(await PhaseAsync("writers"));
        await OnAllAsync(await PhaseAsync("readers"));
        await RewriteAsync();
        await OnAllAsync(KmsProvider.ConfigurationOf(KmsProvider.Identity));
    }

    // What the phases are for.
    [Fact]
    public async Task Without_readers_first_a_server_cannot_read_what_another_one_wrote()
    {
        await StartAsync([]);
        await _servers[0].RestartAsync(await PhaseAsync("writers"));
        (await _servers[0].Kubectl.CreateSecretAsync("early", "a", Cancellation)).EnsureSuccess();
        Assert.Equal("a", await _servers[0].Kubectl.ReadSecretAsync("early", Cancellation));
        CommandResult read = await _servers[1].Kubectl.RunAsync(Cancellation, "get", "secret", "early");
        Assert.False(read.Succeeded, read.Output);
    }

    [Fact]
    public async Task From_KMS_v1_to_v2_under_one_name()
    {
        const string Gate = "--feature-gates=KMSv1=true";
        await StartAsync([Gate]);
        string name = _plugin.ProviderName;
        string v1 = new KmsProvider("v1", name, _plugin.Socket).Entry;
        string v2 = new KmsProvider("v2", name, _plugin.Socket).Entry;
        (string entry, string[] steps, string rewriteBefore) = await DocumentAsync();
        string once = entry.Replace("KEY", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), StringComparison.Ordinal);
        Dictionary<string, string> entries = new() { ["v1"] = v1, ["v2"] = v2, ["once"] = once };
        await OnAllAsync(KmsProvider.ConfigurationOf(KmsProvider.Identity, v1));
        await OnAllAsync(KmsProvider.ConfigurationOf(v1, KmsProvider.Identity));
        await RewriteAsync();

        // Today is the first.
        Assert.Equal(5, steps.Length);
        foreach (string step in steps)
        {
            if (step == rewriteBefore)
            {
                await RewriteAsync();
            }

            await OnAllAsync(KmsProvider.ConfigurationOf(step.Split(", ").Select(provider => entries[provider])));
        }

        Assert.Equal($"k8s:enc:kms:v2:{name}:", (await StoredAsync(_secrets[0]))[..$"k8s:enc:kms:v2:{name}:".Length]);
    }

    // What docs/operations.md has: the entry of the key for once, the providers of each step, and those of the step before which all is rewritten.
    private static async Task<(string Once, string[] Steps, string RewriteBefore)> DocumentAsync()
    {
        string text = await File.ReadAllTextAsync(Repository.PathOf("docs", "operations.md"), Cancellation);
        string section = text[text.IndexOf("\n## From KMS v1 to v2\n", StringComparison.Ordinal)..text.IndexOf("\n## Alerts\n", StringComparison.Ordinal)];
        string[][] rows = [.. section.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1])];
        int rewrite = Array.FindIndex(rows, row => row[0] == "then");
        Assert.StartsWith("rewrite all Secrets", rows[rewrite][1], StringComparison.Ordinal);
        string once = section.Split('`').Single(code => code.StartsWith("aescbc:", StringComparison.Ordinal));
        return (once, [.. rows.Where((_, row) => row != rewrite).Select(row => row[1].Split(';')[0])], rows[rewrite + 1][1].Split(';')[0]);
    }

    // In an order and in the other: what is written by whoever changed first is read by whoever has not.
    private async Task OnAllAsync(string configuration)
    {
        foreach (Server server in _servers)
        {
            await server.RestartAsync(configuration);
            await WriteAndReadAsync();
        }

        _servers = [.. _servers.Reverse()];
    }

    private async Task WriteAndReadAsync()
    {
        foreach (Server writer in _servers)
        {
            string secret = $"s{_secrets.Count}";
            (await writer.Kubectl.CreateSecretAsync(secret, secret, Cancellation)).EnsureSuccess();
            _secrets.Add(secret);
        }

        // All of them, the oldest too.
        foreach (Server reader in _servers)
        {
            CommandResult list = await reader.Kubectl.RunAsync(Cancellation, "get", "secrets", "-o", "jsonpath={.items[*].metadata.name}");
            Assert.Equal(_secrets.Order(StringComparer.Ordinal), list.EnsureSuccess().Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
            Assert.Equal(_secrets[^1], await reader.Kubectl.ReadSecretAsync(_secrets[^1], Cancellation));
            Assert.Equal(_secrets[^2], await reader.Kubectl.ReadSecretAsync(_secrets[^2], Cancellation));
        }
    }

    private async Task RewriteAsync()
    {
        foreach (string secret in _secrets)
        {
            await _servers[0].Kubectl.RewriteSecretAsync(secret, Cancellation);
        }
    }

    private async Task<string> PhaseAsync(string phase) => (await Command.RunAsync(
        CloisterPlugin.Program,
        ["config", "encryption-provider", "--socket", _plugin.Socket, "--provider-name", _plugin.ProviderName, "--phase", phase],
        Cancellation)).EnsureSuccess();

    private async Task<string> StoredAsync(string secret) =>
        Encoding.Latin1.GetString(await _etcd.GetAsync(Cluster.StorageKey(secret), Cancellation) ?? throw new InvalidOperationException($"{secret} is not in etcd"));

    private async Task StartAsync(string[] arguments)
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        await PluginsUnderTest.PrepareAsync();
        Assert.SkipUnless(PluginsUnderTest.HaveCloister, "there is no ./cloister");
        _plugin = PluginsUnderTest.Create(Way.Direct, programs, Directory.CreateDirectory(Path.Combine(_folder, "plugin")).FullName);
        _running.Add(_plugin);
        _etcd = await EtcdServer.StartAsync(programs, _folder, Cancellation);
        _running.Add(_etcd);
        await _plugin.StartAsync(Cancellation);
        _servers = [.. new[] { "a", "b" }.Select(name => new Server(programs, Directory.CreateDirectory(Path.Combine(_folder, name)).FullName, _etcd.Url, arguments))];
        _running.AddRange(_servers);
        foreach (Server server in _servers)
        {
            await server.RestartAsync(KmsProvider.ConfigurationOf(KmsProvider.Identity));
        }

        await WriteAndReadAsync();
    }

    private sealed class Server(HarnessPrograms programs, string folder, string etcd, string[] arguments) : IAsyncDisposable
    {
        private ApiServer? _running;

        internal Kubectl Kubectl { get; } = new(programs.PathOf("kubectl"), folder, Path.Combine(folder, "kubeconfig"));

        internal async Task RestartAsync(string configuration)
        {
            await DisposeAsync();
            string file = Path.Combine(folder, "encryption.yaml");
            await File.WriteAllTextAsync(file, configuration, Cancellation);
            _running = await ApiServer.StartAsync(
                programs, folder, Path.Combine(folder, "kubeconfig"), ["--etcd-servers", etcd, "--encryption-provider-config", file, .. arguments], Cancellation);
            await Eventually.HoldsAsync(
                "the API server is ready",
                TimeSpan.FromSeconds(60),
                async () => await Kubectl.IsOkAsync("/readyz", Cancellation) && (await Kubectl.RunAsync(Cancellation, "get", "secrets", "-o", "name")).Succeeded,
                Cancellation,
                () => _running.Tail());
        }

        public async ValueTask DisposeAsync()
        {
            if (_running is not null)
            {
                await _running.DisposeAsync();
                _running = null;
            }
        }
    }
}
