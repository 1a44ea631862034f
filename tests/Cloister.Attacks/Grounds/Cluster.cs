using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.Keys;
using Cloister.Gateway.Tests.Support;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Attacks.Grounds;

/// <summary>
/// A broker, an enclave that it releases a KEK to, and etcd with the enclave's gateway in front of it: all of them processes. The enclave has sockets for KMS,
/// administration and whole values. Its cluster is <c>c1</c>, its provider <c>tee</c>, its KEK <c>secrets</c>.
/// </summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>Where an API server keeps Secrets.</summary>
    public const string Secrets = "/registry/secrets/";

    private readonly ClusterOptions _options;
    private readonly ScratchFolder _folder = new();
    private readonly List<IAsyncDisposable> _apiServers = [];

    private Cluster(ClusterOptions options)
    {
        _options = options;
        Brokers = new BrokerFolder();
        Enclaves = new EnclaveFolder(Brokers);
        Tls = new EtcdTlsFiles(_folder);
        GatewayAddress = $"127.0.0.1:{LoopbackPort.Next()}";
    }

    /// <summary>What the broker has on disk.</summary>
    public BrokerFolder Brokers { get; }

    public BrokerProcess Broker { get; private set; } = null!;

    /// <summary>Acts on the broker's database, as an administrator.</summary>
    public OtherBroker Admin { get; private set; } = null!;

    /// <summary>The enclave's configuration and its vendor.</summary>
    public EnclaveFolder Enclaves { get; }

    public EnclaveProcess Enclave { get; private set; } = null!;

    public EtcdServer Etcd { get; private set; } = null!;

    /// <summary>etcd itself.</summary>
    public RawEtcd Direct { get; private set; } = null!;

    /// <summary>etcd as an API server sees it through the gateway.</summary>
    public RawEtcd Through { get; private set; } = null!;

    /// <summary>An authority with a server and a client, and another authority. The client is what the gateway takes for an API server.</summary>
    public EtcdTlsFiles Tls { get; }

    public string GatewayAddress { get; }

    public string AdminSocket => Path.Combine(Enclaves.Folder, "admin.sock");

    public string SecretsSocket => Path.Combine(Enclaves.Folder, "secrets.sock");

    /// <summary>The broker's authority for gateways: who issued the gateway's certificate.</summary>
    public string AuthorityFile => _folder["authority.pem"];

    /// <summary>An administrator of the broker.</summary>
    public (string Certificate, string Key) Administrator => (_folder["alice.crt"], _folder["alice.key"]);

    /// <summary>A folder of the cluster's, gone with it.</summary>
    public string PathOf(string name) => _folder[name];

    /// <summary>Where etcd has its files.</summary>
    public string EtcdData => _folder["etcd"];

    public HarnessPrograms Programs { get; private set; } = null!;

    /// <summary>What EDEKs of this cluster are bound to.</summary>
    public static EnvelopeContext Context { get; } = new(EnvelopeContext.KmsPurpose, "c1", "tee");

    public static async Task<Cluster> StartAsync(ClusterOptions options, CancellationToken stop)
    {
        Cluster cluster = new(options);
        try
        {
            if (options.Gateway)
            {
                cluster.Programs = await HarnessPrograms.GetAsync();
                cluster.Etcd = await EtcdServer.StartAsync(cluster.Programs, cluster._folder.Path, stop);
                cluster.Direct = new RawEtcd(GrpcChannel.ForAddress(cluster.Etcd.Url, new GrpcChannelOptions { MaxReceiveMessageSize = null }));
            }

            await cluster.StartBrokerAsync(stop);
            cluster.Configure();
            cluster.Enclave = new EnclaveProcess(cluster.Enclaves);
            await cluster.Enclave.ReadyAsync();
            if (options.Gateway)
            {
                cluster.Through = new RawEtcd(cluster.Channel());
                await cluster.UntilServingAsync(stop);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Writes the enclave's configuration; it counts from the enclave's next start.</summary>
    public void Configure(string? gatewayFields = null, string? mode = null, string? sections = null, string? simulation = null)
    {
        string gateway = !_options.Gateway ? "" : $$"""
            gateway:
              listen: tcp:{{GatewayAddress}}
              tls: { {{(_options.CertificateFiles ? $"certificate: {Tls.ServerCertificate}, key: {Tls.ServerKey}" : "issuer: broker")}}, clientCa: {{Tls.Ca}}{{_options.TlsFields}} }
              etcd: { endpoints: ["{{_options.WayToEtcd?.Invoke(Etcd.Url) ?? Etcd.Url}}"] }
              mode: {{mode ?? _options.Mode}}
            {{Indented(gatewayFields ?? _options.GatewayFields)}}
            """;
        Enclaves.Configure(Broker.Pin, [Broker.Url], simulation ?? _options.Simulation, $$"""
            admin: { listen: "unix:{{AdminSocket}}" }
            secrets: { listen: "unix:{{SecretsSocket}}" }
            {{gateway}}
            {{sections ?? _options.Sections}}
            """);
    }

    /// <summary>Ends the enclave and starts it on the configuration that is there now.</summary>
    public async Task RestartEnclaveAsync()
    {
        await Enclave.DisposeAsync();
        Enclave = new EnclaveProcess(Enclaves);
        await Enclave.ReadyAsync();
    }

    /// <summary>Waits until the gateway has its certificate and its etcd.</summary>
    public Task UntilServingAsync(CancellationToken stop) =>
        Eventually.HoldsAsync("the gateway serves", TimeSpan.FromSeconds(30), ServesAsync, stop, () => Enclave.Log());

    /// <summary>The KEK's bytes, as the key owner has them.</summary>
    public async Task<byte[]> KekAsync(int version = 1, string name = "secrets")
    {
        await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(Brokers.Database, FileRootKey.Open(Brokers.RootKeyFile), CancellationToken.None);
        byte[] kek = new byte[32];
        string generation = (await Admin.State.FindKekAsync(name, CancellationToken.None))!.Versions.Single(one => one.Version == version).Generation;
        await store.ReleaseAsync(new KekIdentity(Broker.Authority, name, checked((uint)version), generation), kek, CancellationToken.None);
        return kek;
    }

    /// <summary>What a client of the gateway believes.</summary>
    public X509ChainPolicy GatewayTrust => Trusting(_options.CertificateFiles ? Tls.Ca : AuthorityFile);

    /// <summary>A channel to the gateway.</summary>
    /// <param name="certificate">The client's; that of an API server by default. An empty text: none.</param>
    /// <param name="key">Its key.</param>
    public GrpcChannel Channel(string? certificate = null, string? key = null)
    {
        SslClientAuthenticationOptions tls = new() { CertificateChainPolicy = GatewayTrust };
        if (certificate != "")
        {
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile(certificate ?? Tls.ClientCertificate, key ?? Tls.ClientKey), null, offline: true);
        }

        return GrpcChannel.ForAddress($"https://{GatewayAddress}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { SslOptions = tls, UseProxy = false },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
        });
    }

    /// <summary>A client of the broker's administration, as the command line is one.</summary>
    public HttpClient AdminClient(X509Certificate2 administrator)
    {
        SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == Broker.Pin);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => administrator;
        return new HttpClient(handler) { BaseAddress = Broker.AdminUrl };
    }

    /// <summary>A certificate like the API server's, of an authority that nobody trusts.</summary>
    public (string Certificate, string Key) StrangersCertificate()
    {
        using ScratchFolder folder = new();
        EtcdTlsFiles others = new(folder);
        (string certificate, string key) = (_folder[$"stranger-{Guid.NewGuid()}.pem"], _folder[$"stranger-{Guid.NewGuid()}.key"]);
        File.Copy(others.ClientCertificate, certificate);
        File.Copy(others.ClientKey, key);
        return (certificate, key);
    }

    /// <summary>A real API server, its Secrets through the gateway unless its arguments say otherwise. It is stopped with the cluster.</summary>
    /// <param name="name">Of its folder.</param>
    /// <param name="arguments">Instead of the override for the gateway.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<(ApiServer Server, Kubectl Kubectl)> StartApiServerAsync(string name, string[]? arguments, CancellationToken stop)
    {
        string folder = Directory.CreateDirectory(_folder[name]).FullName;
        string kubeconfig = Path.Combine(folder, "kubeconfig");
        ApiServer server = await ApiServer.StartAsync(
            Programs, folder, kubeconfig, ["--secure-port", $"{LoopbackPort.Next()}", "--etcd-servers", Etcd.Url, .. arguments ?? ThroughGateway], stop);
        _apiServers.Add(server);
        Kubectl kubectl = new(Programs.PathOf("kubectl"), folder, kubeconfig);
        await Eventually.HoldsAsync(
            "the API server lists Secrets", TimeSpan.FromSeconds(60),
            async () => (await kubectl.RunAsync(stop, "get", "secrets", "-o", "name")).Succeeded, stop, () => server.Tail());
        return (server, kubectl);
    }

    /// <summary>What tells an API server to have its Secrets encrypted by the gateway.</summary>
    public string[] ThroughGateway =>
    [
        "--etcd-servers-overrides", $"/secrets#https://{GatewayAddress}", "--etcd-cafile", AuthorityFile,
        "--etcd-certfile", Tls.ClientCertificate, "--etcd-keyfile", Tls.ClientKey,
    ];

    /// <summary>What tells an API server to encrypt Secrets itself, with the enclave as its KMS.</summary>
    public async Task<string[]> ThroughPluginAsync()
    {
        string file = _folder["encryption.yaml"];
        await File.WriteAllTextAsync(file, KmsProvider.Configuration(new KmsProvider("v2", "tee", Enclaves.KmsSocket)));
        return ["--encryption-provider-config", file];
    }

    /// <summary>Writes as an API server does, which puts in transactions only.</summary>
    public static async Task WriteAsync(RawEtcd etcd, string key, byte[] value, CancellationToken stop)
    {
        TxnRequest write = new();
        write.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFrom(value) } });
        await etcd.Kv.TxnAsync(write, cancellationToken: stop);
    }

    /// <summary>The value of a key, or null.</summary>
    public static async Task<byte[]?> ReadAsync(RawEtcd etcd, string key, CancellationToken stop) =>
        (await etcd.Kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) }, cancellationToken: stop)).Kvs.SingleOrDefault()?.Value.ToByteArray();

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable server in _apiServers)
        {
            await server.DisposeAsync();
        }

        Through?.Dispose();
        Direct?.Dispose();
        foreach (IAsyncDisposable? one in (IAsyncDisposable?[])[Enclave, Admin, Broker, Etcd])
        {
            if (one is not null)
            {
                await one.DisposeAsync();
            }
        }

        Enclaves.Dispose();
        Brokers.Dispose();
        _folder.Dispose();
    }

    private static X509ChainPolicy Trusting(string authorities)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(authorities);
        return policy;
    }

    private static string Indented(string lines) => string.Join('\n', lines.Split('\n').Select(line => $"  {line}"));

    private async Task StartBrokerAsync(CancellationToken stop)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        await File.WriteAllTextAsync(Administrator.Certificate, alice.ExportCertificatePem(), stop);
        await File.WriteAllTextAsync(Administrator.Key, alice.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), stop);
        Broker = await Brokers.StartAsync($$"""
            admin: { listen: 127.0.0.1:0, administrators: [ { name: alice, key: "{{BrokerProcess.PinOf(alice)}}", roles: [operator, keyCustodian, auditor] } ], twoPersons: [] }
            {{_options.Broker}}
            """);
        Admin = await Brokers.OpenAsync(Broker);
        foreach (string kek in (string[])["secrets", .. _options.MoreKeks])
        {
            await Admin.MakeKekAsync(kek, Enclaves.Policy(_options.Lease));
        }

        using HttpClient http = AdminClient(alice);
        AuthorityCertificate authority = (await http.GetFromJsonAsync<AuthorityCertificate>(AdminPaths.AuthorityCertificate, stop))!;
        await File.WriteAllTextAsync(AuthorityFile, authority.Certificate, stop);
    }

    private async Task<bool> ServesAsync()
    {
        try
        {
            await ReadAsync(Through, $"{Secrets}none", CancellationToken.None);
            return true;
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }
}
