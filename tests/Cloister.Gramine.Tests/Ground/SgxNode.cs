using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Tests.Processes;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Gramine.Tests.Devices;
using Cloister.Gramine.Tests.Worlds;
using Cloister.KeyStores.RootKeys;
using Cloister.Simulator.Dcap;

namespace Cloister.Gramine.Tests.Ground;

/// <summary>
/// A node as docs/install.md sets one up for SGX: the published enclave on the configuration of <c>deploy/gramine</c>, in what its manifest gives it, the relay with its
/// key in front of its port, a broker, and etcd behind the gateway. All of them are processes. The KEK is <c>example</c>, as in that configuration.
/// </summary>
internal sealed class SgxNode : IAsyncDisposable
{
    internal const string Kek = "example";
    private const string Pin = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private readonly ScratchFolder _folder = new();
    private readonly NodeOptions _options;
    private readonly int _kmsPort = LoopbackPort.Next();
    private readonly int _gatewayPort = LoopbackPort.Next();
    private readonly int _brokerPort = LoopbackPort.Next();
    private readonly int _etcdPort = LoopbackPort.Next();
    private readonly EtcdTlsFiles _tls;
    private ChildProcess? _relay;
    private ChildProcess? _enclave;
    private OtherBroker? _admin;

    private SgxNode(NodeOptions options)
    {
        _options = options;
        _tls = new EtcdTlsFiles(_folder);
    }

    /// <summary>Null while it is away.</summary>
    internal BrokerProcess? Broker { get; private set; }

    internal OtherBroker Admin => _admin!;

    internal AttestationFolder Attestation { get; private set; } = null!;

    internal EtcdServer? Etcd { get; private set; }

    internal World World { get; private set; } = null!;

    internal ChildProcess Enclave => _enclave ?? throw new InvalidOperationException("the enclave was not started");

    /// <summary>The relay's socket.</summary>
    internal string KmsSocket => _folder["kms.sock"];

    internal string GatewayUrl => $"https://127.0.0.1:{_gatewayPort}";

    /// <summary>What tells an API server to keep Secrets behind the gateway.</summary>
    internal string[] ThroughGateway =>
    [
        "--etcd-servers-overrides", $"/secrets#{GatewayUrl}", "--etcd-cafile", _folder["gateway-ca.pem"],
        "--etcd-certfile", _tls.ClientCertificate, "--etcd-keyfile", _tls.ClientKey,
    ];

    // What the gateway is configured with; the tests themselves use its address without TLS.
    private string EtcdUrl => $"https://127.0.0.1:{_etcdPort}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>All but the enclave. Skips the test where a mount namespace with the imitation cannot be had.</summary>
    internal static async Task<SgxNode> PrepareAsync(NodeOptions? options = null)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: mounts a file system, and gives the enclave a file system of its own");
        Assert.SkipUnless(File.Exists(FuseFolder.Device), $"there is no {FuseFolder.Device} here for the imitation of /dev/attestation");
        Assert.True(File.Exists(Programs.Enclave), $"{Programs.Enclave} is not there: make publish");
        SgxNode node = new(options ?? new NodeOptions());
        try
        {
            await node.MakeAsync();
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>With the enclave, serving.</summary>
    internal static async Task<SgxNode> StartAsync(NodeOptions? options = null)
    {
        SgxNode node = await PrepareAsync(options);
        try
        {
            node.StartEnclave();
            await node.UntilServingAsync();
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    internal void StartEnclave() => _enclave = World.Start(_folder.Path);

    /// <summary>Waits until KMS, and the gateway if there is one, answer as they should.</summary>
    internal async Task UntilServingAsync()
    {
        using KmsClient kms = new(KmsSocket);
        await HoldsAsync("KMS serves", async () => await kms.HealthAsync() == "ok");
        if (_options.Gateway)
        {
            using GatewayClient gateway = Gateway();
            await HoldsAsync("the gateway serves", gateway.ServesAsync);
        }
    }

    /// <summary>Asks again until it holds, or the enclave ends.</summary>
    internal Task<TimeSpan> HoldsAsync(string what, Func<Task<bool>> holds) => Eventually.HoldsAsync(
        what,
        StartLimit,
        async () => await holds() || (Enclave.HasExited ? throw new InvalidOperationException($"the enclave ended before it held: {what}\n{Log}") : false),
        Stop,
        () => string.Join('\n', Log.Split('\n').Where(line => !line.Contains("WARNING 8 ", StringComparison.Ordinal)).TakeLast(40))); // 8: Status, asked again and again

    /// <summary>Waits for a line of the enclave's log that has these words.</summary>
    internal Task<string> SaysAsync(params string[] words) =>
        Enclave.WaitForLineAsync(line => words.All(word => line.Contains(word, StringComparison.Ordinal)), StartLimit, Stop);

    /// <summary>All of the enclave's log since its last start.</summary>
    internal string Log => Enclave.Tail(10_000);

    /// <summary>SIGTERM; returns how long it took, and the exit code.</summary>
    internal async Task<(TimeSpan Took, int ExitCode)> StopEnclaveAsync()
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        bool ended = await Enclave.TerminateAsync(TimeSpan.FromMinutes(1));
        TimeSpan took = System.Diagnostics.Stopwatch.GetElapsedTime(start);
        Assert.True(ended, $"it did not end within a minute of SIGTERM\n{Log}");
        return (took, Enclave.ExitCode);
    }

    internal async Task StartBrokerAsync()
    {
        Broker = await BrokerProcess.StartAsync(_folder["broker.yaml"]);
        _admin ??= await OtherBroker.OpenAsync($"sqlite:{_folder["broker.db"]}", Broker.Authority, FileRootKey.Open(_folder["UNPROTECTED-root.key"]), []);
    }

    internal async Task StopBrokerAsync()
    {
        await Broker!.DisposeAsync();
        Broker = null;
    }

    /// <summary>An API server's side of the gateway.</summary>
    internal GatewayClient Gateway() => new(GatewayUrl, ClientTls());

    /// <summary>TLS of an API server to the gateway.</summary>
    internal SslClientAuthenticationOptions ClientTls()
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(_folder["gateway-ca.pem"]);
        return new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            CertificateChainPolicy = policy,
            ClientCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(_tls.ClientCertificate, _tls.ClientKey), null, offline: true),
        };
    }

    internal static Task<CommandResult> CliAsync(params IEnumerable<string> arguments) => Command.RunAsync(Programs.Cli, arguments, Stop);

    public async ValueTask DisposeAsync()
    {
        if (Attestation is not null)
        {
            Attestation.Fault = Fault.None;
        }

        foreach (IAsyncDisposable? one in (IAsyncDisposable?[])[_relay, _enclave, _admin, Broker, Etcd])
        {
            if (one is not null)
            {
                await one.DisposeAsync();
            }
        }

        Attestation?.Dispose();
        _folder.Dispose();
    }

    private async Task MakeAsync()
    {
        DcapPlatform platform = DcapVendorDirectory.Open(_folder["vendor"], DateTimeOffset.UtcNow);
        Attestation = new AttestationFolder(Directory.CreateDirectory(_folder["attestation"]).FullName, platform);
        if (_options.Gateway)
        {
            Etcd = await EtcdServer.StartAsync(
                await HarnessPrograms.GetAsync(), _folder.Path, EtcdUrl, Stop,
                "--cert-file", _tls.ServerCertificate, "--key-file", _tls.ServerKey, "--client-cert-auth", "--trusted-ca-file", _tls.Ca);
        }

        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        await File.WriteAllTextAsync(_folder["alice.pem"], alice.ExportCertificatePem(), Stop);
        await File.WriteAllTextAsync(_folder["alice.key"], alice.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), Stop);
        await File.WriteAllTextAsync(_folder["broker.yaml"], $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: BrokerConfiguration
            listen: 127.0.0.1:{{_brokerPort}}
            database: "sqlite:{{_folder["broker.db"]}}"
            rootKey: { file: {{_folder["UNPROTECTED-root.key"]}} }
            keyStore: database
            collateral: { directory: {{_folder["vendor"]}}/{{DcapVendorDirectory.CollateralFolder}} }
            otherRoots: allowed
            admin: { listen: 127.0.0.1:0, administrators: [ { name: alice, key: "{{BrokerProcess.PinOf(alice)}}", roles: [operator, keyCustodian, auditor] } ], twoPersons: [] }
            """, Stop);
        await StartBrokerAsync();
        await MeasureAsync();
        await Admin.MakeKekAsync(Kek, Policy());
        if (_options.Gateway)
        {
            CommandResult ca = await CliAsync(
                "enclaves", "ca", "--broker", Broker!.AdminUrl!.GetLeftPart(UriPartial.Authority), "--pin", Broker.Pin,
                "--certificate", _folder["alice.pem"], "--key", _folder["alice.key"]);
            await File.WriteAllTextAsync(_folder["gateway-ca.pem"], ca.EnsureSuccess(), Stop);
        }

        _relay = ChildProcess.Start(
            "relay", _folder.Path, Programs.Cli, "relay", "--listen", $"unix:{KmsSocket}", "--target", $"127.0.0.1:{_kmsPort}", "--key", _folder["relay.key"]);
        await _relay.WaitForLineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), StartLimit, Stop);
    }

    // What 'make measurement' does, without the signing that needs Gramine.
    private async Task MeasureAsync()
    {
        string relay = (await CliAsync("relay", "keygen", "--key", _folder["relay.key"])).EnsureSuccess().Trim();
        await File.WriteAllTextAsync(_folder["enclave.yaml"], Configuration(relay), Stop);
        string build = _folder["build"];
        (await Command.RunAsync(
            Repository.PathOf("deploy", "gramine", "measure"),
            ["--program", Programs.Enclave, "--config", _folder["enclave.yaml"], "--build", build, "--manifest-only"],
            Stop)).EnsureSuccess();
        Directory.CreateDirectory(_folder["host/var/lib/cloister"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string host = Directory.CreateDirectory(_folder["host/etc/cloister/host"]).FullName;
        File.Copy(_tls.ClientCertificate, Path.Combine(host, "etcd-client.crt"));
        File.Copy(_tls.ClientKey, Path.Combine(host, "etcd-client.key"));
        World = World.Of(build, _folder["attestation"], _folder["host"]);
        Attestation.MrEnclave = SHA256.HashData([.. System.Text.Encoding.UTF8.GetBytes(World.Manifest.Text), .. File.ReadAllBytes(_folder["enclave.yaml"])]);
    }

    // The two examples as one: KMS and gateway.
    private string Configuration(string relayPin)
    {
        string text = Changed(
            Example("enclave.yaml"),
            ("\ncluster: example\n", "\ncluster: c1\n"),
            ("tcp:127.0.0.1:7400", $"tcp:127.0.0.1:{_kmsPort}"),
            ($"\n    pins: [\"{Pin}\"]", $"\n    pins: [\"{relayPin}\"]"),
            ($"\n  pins: [\"{Pin}\"]", $"\n  pins: [\"{_options.BrokerPin ?? Broker!.Pin}\"]"),
            ("https://broker.example:8443", $"https://{_options.BrokerName}:{_options.BrokerPort ?? _brokerPort}"));
        if (_options.Gateway)
        {
            string example = Example("enclave-gateway.yaml");
            text += Changed(
                example[example.IndexOf("gateway:\n", StringComparison.Ordinal)..],
                ("tcp:127.0.0.1:2390", $"tcp:127.0.0.1:{_gatewayPort}"),
                ("https://127.0.0.1:2379", EtcdUrl),
                ("[kube-apiserver-etcd-client]", "[client]")) + _options.GatewayFields;
        }

        string state = _options.SealsLease ? "state: { directory: /sealed, sealedLease: survives-revocation }\n" : "";
        return $"{text}{state}{_options.Sections}";
    }

    private static string Example(string name) => File.ReadAllText(Repository.PathOf("deploy", "gramine", name));

    // Every placeholder is there once.
    private static string Changed(string text, params IEnumerable<(string Placeholder, string Value)> changes)
    {
        foreach ((string placeholder, string value) in changes)
        {
            Assert.Equal(2, text.Split(placeholder).Length);
            text = text.Replace(placeholder, value, StringComparison.Ordinal);
        }

        return text;
    }

    private string Policy() => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: {{Kek}} }
        spec:
          appraisal:
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "{{Convert.ToHexStringLower(Attestation.MrEnclave)}}" } ]
              configid: any
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: [{{Convert.ToHexStringLower(SHA384.HashData(File.ReadAllBytes(_folder["enclave.yaml"])))}}]
          roots:
            - |
              {{Indented(File.ReadAllText(Path.Combine(_folder["vendor"], DcapVendorDirectory.RootFile)), 6)}}
          lease: { duration: 1h, grace: 0s, wraps: 1000000, unwraps: 1000000 }
          gateway:
            clientCa: |
              {{Indented(File.ReadAllText(_tls.Ca), 6)}}
            etcdCa: |
              {{Indented(File.ReadAllText(_tls.Ca), 6)}}
        """;

    private static string Indented(string text, int by) => text.TrimEnd().Replace("\n", "\n" + new string(' ', by), StringComparison.Ordinal);
}
