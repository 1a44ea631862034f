using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.RollOut;

/// <summary>Three control-plane nodes on one etcd, each with an enclave and an API server, under traffic from the start.</summary>
internal sealed class RollingCluster : IAsyncDisposable
{
    private const string Prefix = "/registry/secrets/";

    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(150);

    private readonly string _folder = Directory.CreateTempSubdirectory("rolling-").FullName;
    private HarnessPrograms? _programs;
    private EtcdServer? _etcd;
    private SecretsTraffic? _traffic;
    private ControlPlaneNode[] _nodes = [];

    private RollingCluster()
    {
    }

    internal SecretsTraffic Traffic => _traffic!;

    internal IReadOnlyList<ControlPlaneNode> Nodes => _nodes;

    /// <summary>The way of a roll-out that ends at the gateways. Where they are is for what the tool prints.</summary>
    internal static string[] ToGateways => ["--gateway", "https://127.0.0.1:2390"];

    internal string[] Endpoints => ["--endpoints", _etcd!.Url];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Starts everything; Secrets are not encrypted.</summary>
    /// <param name="gatewayMode">Of the enclaves' gateways; null: there are none.</param>
    /// <param name="reload">API servers have phase readers from the start, and look for another file by themselves.</param>
    internal static async Task<RollingCluster> StartAsync(string? gatewayMode, bool reload = false)
    {
        RollingCluster cluster = new();
        try
        {
            await cluster.StartAllAsync(gatewayMode, reload);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Whatever one of them says: the others are ended too.
        List<Exception> failures = [];
        foreach (IAsyncDisposable? one in (IAsyncDisposable?[])[_traffic, .. _nodes, _etcd])
        {
            try
            {
                await (one?.DisposeAsync() ?? ValueTask.CompletedTask);
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }

        Directory.Delete(_folder, recursive: true);
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task StartAllAsync(string? gatewayMode, bool reload)
    {
        HarnessPrograms programs = _programs = await HarnessPrograms.GetAsync();
        await PluginsUnderTest.PrepareAsync();
        Assert.SkipUnless(PluginsUnderTest.HaveCloister, "there is no ./cloister");
        _etcd = await EtcdServer.StartAsync(programs, _folder, Cancellation);
        (string, string) tls = MakeCertificate();
        _nodes = [.. new[] { "a", "b", "c" }.Select(name => new ControlPlaneNode(programs, name, Path.Combine(_folder, name), _etcd.Url, tls))];

        // The same files for all: an API server's own folder is where it runs.
        Directory.CreateDirectory(Path.Combine(_folder, "phases"));
        foreach (string phase in (string[])["readers", "writers", "sealed"])
        {
            await File.WriteAllTextAsync(Phases(phase), await CliAsync(["config", "encryption-provider", "--socket", "/proc/self/cwd/enclave/kms.sock", "--phase", phase]), Cancellation);
        }

        await Task.WhenAll(_nodes.Select(node => node.StartEnclaveAsync(gatewayMode, Cancellation)));
        await ImportAsync(1);

        // Not at the same instant, as machines do not either: its time of start is what tells an API server without encryption from another.
        foreach (ControlPlaneNode node in _nodes)
        {
            if (reload)
            {
                File.Copy(Phases("readers"), node.EncryptionConfiguration);
            }

            await node.StartApiServerAsync(encrypts: reload, gateway: false, Cancellation, reload ? ["--encryption-provider-config-automatic-reload"] : []);
            node.PutInService();
        }

        _traffic = new SecretsTraffic([.. _nodes]);
        await UntilTrafficFlowsAsync();
    }

    /// <summary>One after the other, in this order and the next time in the other: each is out of service meanwhile, and back in before the next one goes.</summary>
    internal async Task OnEachAsync(Func<ControlPlaneNode, Task> change)
    {
        foreach (ControlPlaneNode node in _nodes)
        {
            await node.TakeOutOfServiceAsync(Cancellation);
            await change(node);
            node.PutInService();
            await UntilTrafficFlowsAsync();
        }

        Array.Reverse(_nodes);
    }

    /// <summary>The tool says that it is this node's turn; then its API server goes through its gateway, and encrypts nothing itself.</summary>
    internal async Task ToGatewayAsync(ControlPlaneNode node)
    {
        JsonNode plan = JsonNode.Parse((await RolloutAsync("next", ToGateways)).EnsureSuccess())!;
        Assert.Equal("gateway", (string)plan["target"]!);
        Assert.Contains(node.Name, plan["apiServers"]!.AsArray().Select(name => (string)name!));
        await node.StartApiServerAsync(encrypts: false, gateway: true, Cancellation);
    }

    /// <summary>Phase readers by hand, without a gateway.</summary>
    internal async Task ReadersAsync(ControlPlaneNode node)
    {
        File.Copy(Phases("readers"), node.EncryptionConfiguration, overwrite: true);
        await node.StartApiServerAsync(encrypts: true, gateway: false, Cancellation);
    }

    /// <summary>The tool looks at what is in force everywhere before it puts the next file in place: the API server that it is for runs until then.</summary>
    internal async Task StepAsync(string verb, ControlPlaneNode node)
    {
        (await RolloutAsync(verb, [.. Endpoints, "--on", node.Name, "--file", node.EncryptionConfiguration])).EnsureSuccess();
        await node.StartApiServerAsync(encrypts: true, gateway: false, Cancellation);
    }

    /// <summary>The phase that is in force on all.</summary>
    internal async Task<string> PhaseAsync(params string[] more) =>
        JsonNode.Parse((await RolloutAsync("status", more)).EnsureSuccess())!["apiServers"]!.AsArray().Select(server => (string)server!["phase"]!).Distinct().Single();

    internal async Task<CommandResult> RolloutAsync(string verb, IEnumerable<string> more) => await Command.RunAsync(
        CloisterPlugin.Program,
        [.. await DocumentedAsync(verb), "--these-are-all", "--kubectl", _programs!.PathOf("kubectl"), "--kubeconfig", _nodes[0].Kubeconfig, "-o", "json", .. more],
        Cancellation);

    // The verb's line of docs/operations.md, block "order", with these phases and API servers. What stands in brackets there is for the caller to add.
    private async Task<string[]> DocumentedAsync(string verb)
    {
        const string Name = "order";
        string text = await File.ReadAllTextAsync(Repository.PathOf("docs", "operations.md"), Cancellation);
        int start = text.IndexOf($"<!-- run: {Name} -->\n```\n", StringComparison.Ordinal);
        string line = text[start..text.IndexOf("\n```\n", start + $"<!-- run: {Name} -->\n```\n".Length, StringComparison.Ordinal)].Split('\n')
            .Single(line => line.StartsWith($"cloister rollout {verb} ", StringComparison.Ordinal));
        string[] words = line.Split('#')[0].Split('[')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
        int servers = Array.IndexOf(words, "--api-server");
        return
        [
            .. words[..servers].Select(word => word == "encryption" ? Path.Combine(_folder, "phases") : word),
            .. _nodes.SelectMany(node => (string[])[words[servers], $"{node.Name}={node.Url}"]),
        ];
    }

    /// <summary>The file of a step on every node, and then the step is waited for on all: API servers with automatic reload look once a minute, each in its own time.</summary>
    internal async Task ReloadAsync(string verb, string phase)
    {
        foreach (ControlPlaneNode node in _nodes)
        {
            (await RolloutAsync(verb, [.. Endpoints, "--on", node.Name, "--file", node.EncryptionConfiguration])).EnsureSuccess();
        }

        string said = "";
        await Eventually.HoldsAsync(
            $"phase {phase} is in force on every API server",
            Limit,
            async () => (said = (await RolloutAsync("status", [])).Output).Split($"\"phase\": \"{phase}\"").Length == _nodes.Length + 1,
            Cancellation,
            () => said,
            TimeSpan.FromSeconds(2));
        await UntilTrafficFlowsAsync();
    }

    /// <summary>The wrong order: one node encrypts while the others cannot read it yet, and the traffic has to see that.</summary>
    internal async Task EarlyAsync(bool gateway)
    {
        Assert.Empty(Traffic.Failures);
        ControlPlaneNode early = _nodes[0];
        await early.TakeOutOfServiceAsync(Cancellation);
        File.Copy(Phases("writers"), early.EncryptionConfiguration);
        await early.StartApiServerAsync(encrypts: !gateway, gateway, Cancellation);
        early.PutInService();

        // It writes and reads; the others cannot read what it wrote.
        await Eventually.HoldsAsync(
            "reads through the other nodes fail",
            Limit,
            () => Task.FromResult(_nodes[1..].All(node => Traffic.Failures.Any(failure => failure.Contains($"node {node.Name}, read {early.Name}-", StringComparison.Ordinal)))),
            Cancellation,
            () => string.Join('\n', Traffic.Failures.Take(20)));
        Assert.DoesNotContain(Traffic.Failures, failure => failure.Contains($"node {early.Name}, ", StringComparison.Ordinal));
    }

    private string Phases(string phase) => Path.Combine(_folder, "phases", $"{phase}.yaml");

    /// <summary>Enclave and API server are started again, as an upgrade does it.</summary>
    internal static async Task UpgradeAsync(ControlPlaneNode node, string? gatewayMode, bool gateway)
    {
        await node.StopApiServerAsync();
        await node.StartEnclaveAsync(gatewayMode, Cancellation);
        await node.StartApiServerAsync(encrypts: !gateway, gateway, Cancellation);
    }

    /// <summary>Every kind of request has been answered rightly through every node since now, and none failed.</summary>
    internal async Task UntilTrafficFlowsAsync()
    {
        (ControlPlaneNode Node, string Kind, int Before)[] before = [.. _nodes.SelectMany(node => new[] { "write", "read", "list" }.Select(kind => (node, kind, Traffic.Answers(node, kind))))];
        await Eventually.HoldsAsync(
            "requests are answered through every node",
            Limit,
            () => Task.FromResult(Traffic.Failures.Count > 0 || before.All(one => Traffic.Answers(one.Node, one.Kind) > one.Before + 1)),
            Cancellation);
        Assert.True(Traffic.Failures.Count == 0, string.Join('\n', Traffic.Failures.Take(20)));
    }

    /// <summary>A KEK version: on all nodes for reading, then on all for writes.</summary>
    internal async Task ImportAsync(int version)
    {
        string kek = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        foreach (string[] inactive in (string[][])[["--inactive"], []])
        {
            await Task.WhenAll(_nodes.Select(async node => (await Command.RunAsync(
                CloisterPlugin.Program, ["kek", "import", "--socket", node.AdminSocket, "--name", "prod", "--version", $"{version}", .. inactive], Cancellation, kek)).EnsureSuccess()));
        }
    }

    /// <summary>Everything under the version that was imported last.</summary>
    internal Task<string> RotatedAsync() => CliAsync(
        ["etcd", "rotate", .. Endpoints, "--rotated", "--settle", "0", "--wait", "60", "--secrets-socket", _nodes[0].SecretsSocket, .. _nodes.SelectMany(node => (string[])["--socket", node.KmsSocket])]);

    internal Task<string> CoverageAsync() => CliAsync(["etcd", "coverage", .. Endpoints, "--secrets-socket", _nodes[1].SecretsSocket]);

    /// <summary>On every node the provider reads only by now: everything is written again in clear, and then nobody needs it.</summary>
    internal async Task RemoveAsync()
    {
        await Traffic.RewriteAsync(_nodes[0]);
        Assert.Contains("\"target\": \"none\"", (await RolloutAsync("abort", Endpoints)).EnsureSuccess(), StringComparison.Ordinal);
        await OnEachAsync(node => node.StartApiServerAsync(encrypts: false, gateway: false, Cancellation));
        await Traffic.EndAsync(Cancellation);
        Assert.True(Traffic.Failures.Count == 0, string.Join('\n', Traffic.Failures.Take(20)));
        Assert.All(_nodes, node => Assert.NotEqual(0, Traffic.Answers(node, "watch")));
        Assert.NotEmpty(Traffic.Acknowledged);
        foreach ((string name, _) in Traffic.Acknowledged)
        {
            Assert.StartsWith("k8s\0", Encoding.Latin1.GetString((await _etcd!.GetAsync($"{Prefix}default/{name}", Cancellation))!), StringComparison.Ordinal);
        }
    }

    private (string Certificate, string Key) MakeCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        (string, string) files = (Path.Combine(_folder, "tls.crt"), Path.Combine(_folder, "tls.key"));
        File.WriteAllText(files.Item1, certificate.ExportCertificatePem());
        File.WriteAllText(files.Item2, key.ExportPkcs8PrivateKeyPem());
        return files;
    }

    internal static async Task<string> CliAsync(IEnumerable<string> arguments) => (await Command.RunAsync(CloisterPlugin.Program, arguments, Cancellation, limit: Limit * 2)).EnsureSuccess();
}
