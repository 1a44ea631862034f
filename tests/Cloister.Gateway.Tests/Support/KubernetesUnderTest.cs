using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Kms;
using Cloister.Enclave.Rpc;
using Cloister.Sockets;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Real API-server code on a real etcd, with Secrets through the gateway, or through the KMS v2 provider of the same keys.</summary>
internal sealed class KubernetesUnderTest : IAsyncDisposable
{
    private const string Provider = "cloister";

    private readonly HarnessPrograms _programs;
    private readonly ScratchFolder _folder = new();
    private readonly GrpcServer _kms;
    private ApiServer? _apiServer;

    private KubernetesUnderTest(HarnessPrograms programs, Etcds etcds, GrpcServer kms, ScratchFolder folder)
    {
        _programs = programs;
        _kms = kms;
        _folder = folder;
        Etcds = etcds;
        Kubectl = new Kubectl(programs.PathOf("kubectl"), folder.Path, folder["kubeconfig"]);
    }

    internal Etcds Etcds { get; }

    internal Kubectl Kubectl { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    internal static async Task<KubernetesUnderTest> StartAsync(PlaintextMode mode = PlaintextMode.Adopt, KekRules? keks = null)
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        Etcds etcds = await Etcds.StartAsync(mode, keks);
        ScratchFolder folder = new();
        KmsEngine engine = new(etcds.Gateway.Custody, "test", new KmsCounters());
        GrpcServer kms = await GrpcServer.StartAsync(
            "kms",
            new ServerOptions { Address = ListenAddress.Parse($"unix:{folder["kms.sock"]}", out _)! },
            new KmsV2Service(engine).Methods,
            "test",
            engine.Counters,
            etcds.Gateway.Log.Log);
        return new KubernetesUnderTest(programs, etcds, kms, folder);
    }

    /// <summary>An API server whose Secrets go through the gateway, and are not encrypted by itself.</summary>
    /// <param name="ready">False when a list of Secrets is not expected to succeed.</param>
    /// <param name="more">Further arguments.</param>
    internal Task WithGatewayAsync(bool ready = true, params IEnumerable<string> more) => RestartAsync(
    ready,
    [
        "--etcd-servers-overrides", $"/secrets#{Etcds.Gateway.Url}",
        "--etcd-cafile", Etcds.Gateway.Tls.Ca, "--etcd-certfile", Etcds.Gateway.Tls.ClientCertificate, "--etcd-keyfile", Etcds.Gateway.Tls.ClientKey,
        .. more,
    ]);

    /// <summary>An API server that encrypts Secrets itself, with the KMS v2 provider of the same name.</summary>
    internal async Task WithPluginAsync()
    {
        await File.WriteAllTextAsync(_folder["encryption.yaml"], KmsProvider.Configuration(new KmsProvider("v2", Provider, _folder["kms.sock"])), Stop);
        await RestartAsync(true, ["--encryption-provider-config", _folder["encryption.yaml"]]);
    }

    /// <summary>An API server that encrypts nothing.</summary>
    internal Task WithNothingAsync() => RestartAsync(true, []);

    internal Task CreateAsync(string name, string password) => Eventually.HoldsAsync(
        $"{name} is written",
        TimeSpan.FromSeconds(60),
        async () => (await Kubectl.CreateSecretAsync(name, password, Stop)).Succeeded,
        Stop);

    internal async Task<byte[]?> StoredAsync(string name, string ns = "default")
    {
        RangeResponse response = await Etcds.Direct.Kv.RangeAsync(
            new RangeRequest { Key = ByteString.CopyFromUtf8($"/registry/secrets/{ns}/{name}") }, cancellationToken: Stop);
        return response.Kvs.FirstOrDefault()?.Value.ToByteArray();
    }

    /// <summary>The way out of what cannot be read: <c>etcdctl del</c>.</summary>
    internal async Task DeleteInEtcdAsync(string name) => Assert.Equal(
        "1",
        (await Command.RunAsync(_programs.PathOf("etcdctl"), ["--endpoints", Etcds.Url, "del", $"/registry/secrets/default/{name}"], Stop)).EnsureSuccess().Trim());

    /// <summary>The API server's own interface; its certificate is one that it made itself.</summary>
    internal HttpClient Api()
    {
        string server = File.ReadLines(_folder["kubeconfig"]).First(line => line.Contains("server:", StringComparison.Ordinal)).Split("server:")[1].Trim().Trim('"');
        HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        return new HttpClient(handler) { BaseAddress = new Uri(server), Timeout = TimeSpan.FromSeconds(20) };
    }

    public async ValueTask DisposeAsync()
    {
        if (_apiServer is not null)
        {
            await _apiServer.DisposeAsync();
        }

        await _kms.DisposeAsync();
        await Etcds.DisposeAsync();
        _folder.Dispose();
    }

    private async Task RestartAsync(bool ready, string[] arguments)
    {
        if (_apiServer is not null)
        {
            await _apiServer.DisposeAsync();
        }

        _apiServer = await ApiServer.StartAsync(_programs, _folder.Path, _folder["kubeconfig"], ["--etcd-servers", Etcds.Url, .. arguments], Stop);
        CommandResult? last = null;
        await Eventually.HoldsAsync(
            "the API server is ready",
            TimeSpan.FromSeconds(90),
            async () =>
            {
                last = await Kubectl.RunAsync(Stop, ready ? ["get", "secrets", "-o", "name"] : ["get", "configmaps"]);
                return last.Succeeded && (!ready || await Kubectl.IsOkAsync("/readyz", Stop));
            },
            Stop,
            () => $"{last?.Error}{_apiServer.Tail()}");
    }
}
