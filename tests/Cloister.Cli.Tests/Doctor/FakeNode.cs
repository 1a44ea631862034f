using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Cli.Doctor;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Collateral.Tests;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;

namespace Cloister.Cli.Tests.Doctor;

/// <summary>A node as files below a folder, with answers of what runs on it. As it is made, nothing is wrong with it.</summary>
internal sealed class FakeNode : IDisposable
{
    internal const string KmsSocket = "/run/cloister/kms.sock";
    internal const string AdminSocket = "/run/cloister/admin.sock";
    internal const string Configuration = DoctorSettings.DefaultConfiguration;
    internal const string Manifest = DoctorSettings.DefaultApiServer;
    internal const string Encryption = "/etc/kubernetes/cloister/encryption.yaml";
    internal const string Unit = "/etc/systemd/system/cloister-enclave.service";
    internal const string KeyId = "cl1-00000000000000000000000000000001";

    private readonly ScratchFolder _root = new();
    private readonly TlsServer _tls = new();
    private readonly TcpListener _port = new(IPAddress.Loopback, 0);

    internal FakeNode()
    {
        _port.Start();
        Write("/proc/sys/kernel/osrelease", "6.12.9-amd64\n");
        Write("/proc/sys/kernel/core_pattern", "|/bin/false\n");
        Write("/proc/swaps", "Filename Type Size Used Priority\n");
        Write("/proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         unlimited            unlimited            bytes\n");
        Write("/proc/cpuinfo", "processor : 0\nmicrocode : 0xa0011d1\n");
        Write("/dev/sev-guest", "");
        Write("/sys/kernel/config/tsm/report/cloister-doctor/provider", "sev_guest\n");
        Write("/var/lib/cloister/.keep", "");
        Write(KmsSocket, "");
        Write(AdminSocket, "");
        Write("/run/systemd/system/.keep", "");
        foreach (string unit in (string[])["cloister-enclave", "cloister-metrics"])
        {
            Write($"/etc/systemd/system/{unit}.service", File.ReadAllText(Path.Combine(Programs.RepositoryRoot, $"deploy/systemd/{unit}.service")));
            Directory.CreateDirectory(At("/etc/systemd/system/multi-user.target.wants"));
            File.CreateSymbolicLink(At($"/etc/systemd/system/multi-user.target.wants/{unit}.service"), $"/etc/systemd/system/{unit}.service");
        }

        Write("/etc/cloister/gateway.crt", Certificate(TimeSpan.FromDays(90)));
        Manual();
        Write(Encryption, "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
            + $"  - kms: {{apiVersion: v2, name: tee, endpoint: 'unix://{KmsSocket}'}}\n");
        Write(Manifest, Pod);
        State = new EnclaveState
        {
            Tee = "snp", Custody = "manual", Cluster = "c", Provider = "tee", ActiveKeyId = KeyId, Health = "ok", MemoryProtection = "keys locked in memory", Operators = { "sha256:AAAA" },
            Keks = { new KekInfo { Name = "prod", Version = 1, KeyId = KeyId, Active = true } },
            Counters = { Count("encryptions", 100), Count("decryptions", 100), Count("failures", 0), Count("gateway_calls", 5), Count("gateway_values_undecryptable", 0) },
        };
    }

    internal static DateTimeOffset Now { get; } = DateTimeOffset.UtcNow;

    /// <summary>The API server's static pod.</summary>
    internal string Pod => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: kube-apiserver}
        spec:
          containers:
          - name: kube-apiserver
            command:
            - kube-apiserver
            - --encryption-provider-config={{Encryption}}
            - --encryption-provider-config-automatic-reload=true
            - --etcd-servers-overrides=/secrets#https://127.0.0.1:{{_tls.Address.Port}}
            livenessProbe: {httpGet: {path: "/livez?exclude=kms-providers", port: 6443} }
            startupProbe: {httpGet: {path: "/livez?exclude=kms-providers", port: 6443} }
            volumeMounts:
            - {name: sockets, mountPath: /run/cloister}
            - {name: encryption, mountPath: /etc/kubernetes/cloister, readOnly: true}
          volumes:
          - {name: sockets, hostPath: {path: /run/cloister, type: DirectoryOrCreate} }
          - {name: encryption, hostPath: {path: /etc/kubernetes/cloister, type: Directory} }
        """;

    internal DoctorSettings Settings { get; set; } = new() { AdminSockets = [AdminSocket] };

    internal Dictionary<string, FileOwner> Owners { get; } = [];

    internal KmsFacts Kms { get; set; } = new(KmsSocket, true) { Status = new StatusResponse { Version = "v2", Healthz = "ok", KeyId = KeyId }, Tee = "snp" };

    internal EnclaveState? State { get; set; }

    internal KernelClock Clock { get; set; } = new(true, TimeSpan.FromMilliseconds(2));

    internal long Free { get; set; } = 8L << 30;

    internal string Systemctl { get; set; } = "ActiveState=active\nSubState=running\nResult=success\nNRestarts=0\nNeedDaemonReload=no\n";

    internal BrokerFacts Broker { get; set; } = new()
    {
        Keks = [new KekSummary("prod", "c", "file", "p", true, Now, "1", [new KekVersionSummary(1, KeyId, "enabled", true, Now.AddDays(-3), Now.AddDays(-3), null)])],
        Forecast = new FleetForecast(Now, 7, 0, 0, 0, false, [Forecast("accepted", "", "")]),
        Leases = [],
        Collateral = new CollateralStatus(Now, [new CollateralEntry("snp-milan", "crl", false, "https://kds", Now.AddDays(-1), Now.AddDays(20), null)]),
        Recovery = [Entry("kek.export", """{"kek":"prod","version":1,"result":"done"}""", 3), Entry("kek.drill", """{"kek":"prod","version":1,"matches":true,"result":"done"}""", 2)],
    };

    /// <summary>What etcd holds: key and value, and whether it opens.</summary>
    internal List<(string Key, byte[] Value, CheckedValue Check)> Etcd { get; } = [("/registry/secrets/a/b", SeededValues.Ours("tee", 1), new CheckedValue(true))];

    internal DoctorScope Scope() => new(Settings)
    {
        Host = new HostFiles(_root.Path) { Owners = Owner, Free = _ => Free },
        Now = Now,
        Clock = () => Clock,
        AskKms = _ => Task.FromResult(Kms),
        AskEnclave = socket => Task.FromResult(State is null ? new EnclaveFacts(socket, null, "does not exist") : new EnclaveFacts(socket, State, "")),
        AskBroker = _ => Task.FromResult(Broker),
        AskCoverage = _ => Task.FromResult(Scanned()),
        Run = (_, _, _) => Task.FromResult((0, Systemctl)),
    };

    /// <summary>Custody manual, with a gateway whose port this node has.</summary>
    internal void Manual() => Write(Configuration, $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c
        provider: tee
        kms: {listen: "unix:{{KmsSocket}}"}
        admin: {listen: "unix:{{AdminSocket}}"}
        custody: {mode: manual, manual: {operators: ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]} }
        state: {directory: /var/lib/cloister}
        gateway:
          listen: tcp:127.0.0.1:{{_tls.Address.Port}}
          tls: {clientCa: /etc/cloister/gateway.crt, clientCaPins: [{{Pin}}], certificate: /etc/cloister/gateway.crt, key: /etc/cloister/gateway.key}
          etcd: {endpoints: ["https://127.0.0.1:{{Port}}"], ca: /etc/cloister/gateway.crt, caPins: [{{Pin}}]}
        """);

    /// <summary>Custody attested, with a broker whose port this node has, and a lease.</summary>
    internal void Attested()
    {
        Write(Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            kms: {listen: "unix:{{KmsSocket}}"}
            admin: {listen: "unix:{{AdminSocket}}"}
            custody: {mode: attested}
            broker: {urls: ["{{_tls.Address.AbsoluteUri.TrimEnd('/')}}"], pins: ["{{TlsPin()}}"], kek: prod}
            """);
        State!.Custody = "attested";
        ulong now = (ulong)Now.ToUnixTimeMilliseconds();
        State.Lease = new LeaseState
        {
            Broker = "https://b", Kek = "prod", Lease = "l", Now = now, Expires = now + 3_600_000, GraceEnd = now + 3_600_000, RenewAfter = now + 1_800_000, WrapsLeft = 1000, UnwrapsLeft = 2000,
            Brokers = { new BrokerReach { Broker = "https://b", Answered = true, Silent = 4000 }, new BrokerReach { Broker = "https://c", Answered = true, Silent = 20_000 } },
        };
        Settings = Settings with { Broker = "context.json" };
        Broker = Broker with
        {
            Leases = [new EnclaveLease("l", "i", "c", "tee", "prod", "snp", "00", "00", Convert.ToHexStringLower(SHA384.HashData(File.ReadAllBytes(At(Configuration)))), "p", Now, Now, Now, 1, 1, 1, "")],
        };
    }

    internal int Port => ((IPEndPoint)_port.LocalEndpoint).Port;

    internal void ClosePort() => _port.Stop();

    internal void CloseTls() => _tls.Dispose();

    internal string At(string path) => _root.Path + path;

    internal void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
    }

    internal void Replace(string path, string old, string by)
    {
        string text = File.ReadAllText(At(path));
        Assert.Contains(old, text, StringComparison.Ordinal);
        Write(path, text.Replace(old, by, StringComparison.Ordinal));
    }

    internal void Delete(string path) => File.Delete(At(path));

    internal static Counter Count(string name, ulong value) => new() { Name = name, Value = value };

    internal static EnclaveForecast Forecast(string outlook, string step, string detail) => new("l", "i", "c", "tee", "prod", "snp", "00", "00", "p", outlook, true, step, detail);

    internal static Audit.AuditEntry Entry(string kind, string details, int daysAgo) => new(1, Now.AddDays(-daysAgo).ToUnixTimeMilliseconds(), kind, details, [], []);

    /// <summary>A certificate that lasts so long, PEM.</summary>
    internal static string Certificate(TimeSpan left)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest("CN=gateway", key, HashAlgorithmName.SHA256).CreateSelfSigned(Now.AddDays(-100), Now + left);
        return certificate.ExportCertificatePem();
    }

    public void Dispose()
    {
        _port.Stop();
        _tls.Dispose();
        _root.Dispose();
    }

    private string Pin => $"\"sha256:{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(At("/etc/cloister/gateway.crt"))))}\"";

    private string TlsPin()
    {
        X509Certificate2Collection shown = Cli.Doctor.Checks.GatewayChecks.ShownAsync("127.0.0.1", _tls.Address.Port, "tls", CancellationToken.None).GetAwaiter().GetResult();
        return $"sha256:{Convert.ToBase64String(SHA256.HashData(shown[0].PublicKey.ExportSubjectPublicKeyInfo()))}";
    }

    // Folders of root that all may pass, files of root for root alone.
    private FileOwner Owner(string path) => Owners.TryGetValue(path.Length == _root.Path.Length ? "/" : path[_root.Path.Length..].Replace("//", "/", StringComparison.Ordinal), out FileOwner? owner) ? owner
        : new FileOwner(0, 0, (UnixFileMode)(Directory.Exists(path) ? 0b111_101_101 : 0b110_000_000));

    private CoverageReport Scanned()
    {
        CoverageReport report = new(new Coverage(new CoverageRules(Requirement.Encrypted, null, CurrentKeyIds.One(SeededValues.KeyId(1)), true), 3), "/registry/secrets/", "3.6", 1, true);
        foreach ((string key, byte[] value, CheckedValue check) in Etcd)
        {
            byte[] name = System.Text.Encoding.UTF8.GetBytes(key);
            if (key.StartsWith("/registry/secrets/", StringComparison.Ordinal))
            {
                report.Coverage.Add(name, value, check);
            }
            else
            {
                report.Outside.Add(name, value, check);
            }
        }

        return report;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_root.Path}");
}
