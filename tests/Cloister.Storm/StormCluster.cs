using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Gateway.Tests.Support;
using Grpc.Net.Client;

namespace Cloister.Storm;

/// <summary>
/// etcd, a broker, an enclave of its with the gateway, and two API servers whose Secrets go through the gateway: all of them processes.
/// The serving certificate comes from the broker, leases are short, and a sealed copy lets the enclave start while the broker is away.
/// </summary>
internal sealed class StormCluster : IAsyncDisposable
{
    /// <summary>A second prefix that the gateway covers, for values that are no Kubernetes objects.</summary>
    internal const string OncePrefix = "/registry/once/";

    // So small that etcd writes .snap files in a storm of seconds.
    private const int SnapshotCount = 100;

    private readonly HarnessPrograms _programs;
    private readonly ScratchFolder _folder = new();
    private readonly BrokerFolder _brokers = new();
    private readonly EnclaveFolder _enclaves;
    private readonly EtcdTlsFiles _tls;
    private readonly EtcdServer _etcd;
    private readonly string _gateway = $"127.0.0.1:{LoopbackPort.Next()}";
    private readonly List<KeptApiServer> _apiServers = [];
    private BrokerProcess _broker = null!;
    private EnclaveProcess _enclave = null!;

    private StormCluster(HarnessPrograms programs, EtcdServer etcd, ScratchFolder folder)
    {
        _programs = programs;
        _etcd = etcd;
        _folder = folder;
        _enclaves = new EnclaveFolder(_brokers);
        _tls = new EtcdTlsFiles(folder);
        Direct = new RawEtcd(GrpcChannel.ForAddress(etcd.Url, new GrpcChannelOptions { MaxReceiveMessageSize = null }));
    }

    internal RawEtcd Direct { get; }

    internal RawEtcd Through { get; private set; } = null!;

    /// <summary>API servers as they are by default, with a watch cache; and without, where a client's watch is a watch of etcd's.</summary>
    internal KeptApiServer Cached => _apiServers[0];

    internal KeptApiServer Uncached => _apiServers[1];

    /// <summary>What can be killed, and started again.</summary>
    internal IReadOnlyList<Victim> Victims =>
    [
        new Victim("gateway", () => _enclave.KillAsync(), StartEnclaveAgainAsync),
        new Victim("etcd", _etcd.KillAsync, () => _etcd.StartAgainAsync(Stop)),
        new Victim("broker", () => _broker.KillAsync(), StartBrokerAgainAsync),
    ];

    /// <summary>SIGTERM to the enclave.</summary>
    internal Task StopEnclaveAsync() => _enclave.StopAsync();

    /// <summary>The gateway ended by itself.</summary>
    internal bool GatewayEnded => _enclave.HasExited;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    internal static async Task<StormCluster> StartAsync()
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        ScratchFolder folder = new();
        EtcdServer etcd = await EtcdServer.StartAsync(programs, folder.Path, Stop, "--snapshot-count", $"{SnapshotCount}");
        StormCluster cluster = new(programs, etcd, folder);
        try
        {
            await cluster.StartEnclaveAsync();
            cluster.StartApiServers();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the processes printed last.</summary>
    internal string Tail() =>
        $"{string.Join('\n', _enclave.Log().Split('\n').TakeLast(15))}\n{_broker.Errors}\n{string.Join('\n', _apiServers.Select(server => server.Tail))}";

    /// <summary>All that the enclaves printed, over all their lives.</summary>
    internal string EnclaveLog => EarlierLogs + _enclave.Log();

    private string EarlierLogs { get; set; } = "";

    /// <summary>A copy of etcd's files as they are, and a snapshot as a backup would have it beside them.</summary>
    internal async Task<string> EtcdFilesAsync()
    {
        string copy = await EtcdFiles.CopyAsync(_folder["etcd"], Stop);
        (await Command.RunAsync(_programs.PathOf("etcdctl"), ["--endpoints", _etcd.Url, "snapshot", "save", Path.Combine(copy, "backup.db")], Stop)).EnsureSuccess();
        return copy;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (KeptApiServer server in _apiServers)
        {
            await server.DisposeAsync();
        }

        Through?.Dispose();
        Direct.Dispose();
        if (_enclave is not null)
        {
            await _enclave.DisposeAsync();
        }

        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }

        await _etcd.DisposeAsync();
        _enclaves.Dispose();
        _brokers.Dispose();
        _folder.Dispose();
    }

    private async Task StartEnclaveAsync()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        _broker = await _brokers.StartAsync(
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor] }} ], twoPersons: [] }}");
        await using (OtherBroker admin = await _brokers.OpenAsync(_broker))
        {
            await admin.MakeKekAsync("secrets", _enclaves.Policy("1m"));
        }

        await File.WriteAllTextAsync(_folder["authority.pem"], await AuthorityAsync(alice), Stop);
        Directory.CreateDirectory(_folder["state"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _enclaves.Configure(_broker.Pin, [_broker.Url], $"sealingKeyFile: {_folder["UNPROTECTED-sealing.key"]}", $$"""
            state: { directory: {{_folder["state"]}}, sealedLease: survives-revocation }
            gateway:
              listen: tcp:{{_gateway}}
              tls: { issuer: broker, clientCa: {{_tls.Ca}} }
              etcd: { endpoints: ["{{_etcd.Url}}"] }
              prefixes: [/registry/secrets/, {{OncePrefix}}]
              mode: sealed
            """);
        _enclave = new EnclaveProcess(_enclaves);
        await _enclave.ReadyAsync();
        Through = new RawEtcd(Channel());
    }

    // As 'cloister enclaves ca' has it.
    private async Task<string> AuthorityAsync(X509Certificate2 administrator)
    {
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == _broker.Pin);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => administrator;
        using HttpClient http = new(handler) { BaseAddress = _broker.AdminUrl };
        return (await http.GetFromJsonAsync<AuthorityCertificate>(AdminPaths.AuthorityCertificate, Stop))!.Certificate;
    }

    private void StartApiServers()
    {
        string[] common =
        [
            "--etcd-servers", _etcd.Url, "--etcd-servers-overrides", $"/secrets#https://{_gateway}", "--etcd-cafile", _folder["authority.pem"],
            "--etcd-certfile", _tls.ClientCertificate, "--etcd-keyfile", _tls.ClientKey,
        ];
        _apiServers.Add(new KeptApiServer(_programs, Directory.CreateDirectory(_folder["cached"]).FullName, common));
        _apiServers.Add(new KeptApiServer(_programs, Directory.CreateDirectory(_folder["uncached"]).FullName, [.. common, "--watch-cache=false"]));
    }

    private Task StartEnclaveAgainAsync()
    {
        EarlierLogs += _enclave.Log();
        EnclaveProcess killed = _enclave;
        _enclave = new EnclaveProcess(_enclaves);
        return killed.DisposeAsync().AsTask();
    }

    private async Task StartBrokerAgainAsync()
    {
        BrokerProcess killed = _broker;
        _broker = await _brokers.StartAsync(port: killed.Url.Port);
        await killed.DisposeAsync();
    }

    private GrpcChannel Channel()
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(_folder["authority.pem"]);
        SslClientAuthenticationOptions options = new()
        {
            CertificateChainPolicy = policy,
            ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile(_tls.ClientCertificate, _tls.ClientKey), null, offline: true),
        };
        return GrpcChannel.ForAddress($"https://{_gateway}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { SslOptions = options, UseProxy = false },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
        });
    }
}
