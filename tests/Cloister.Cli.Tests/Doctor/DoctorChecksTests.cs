using Cloister.Cli.Doctor;
using Cloister.Cli.Doctor.Checks;
using Cloister.Cli.Etcd;
using Cloister.Cli.Probe;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Cli.Tests.Doctor;

/// <summary>Each check on a node with nothing wrong, and on one with one thing wrong.</summary>
public sealed class DoctorChecksTests
{
    private const string Context = "context.json";

    // They ask a real plugin: DoctorTests.
    private static readonly string[] Elsewhere = ["kms-round-trip", "kms-latency"];

    private static readonly Case[] All =
    [
        new("host-clock", node => node.Clock = new KernelClock(false, TimeSpan.FromSeconds(16)), "warn", "no time service"),
        new("host-kernel", node => node.Write("/proc/sys/kernel/osrelease", "6.1.0-31-amd64\n"), "error", "Linux 6.1.0-31-amd64"),
        new("host-kernel", node => node.Write("/proc/sys/kernel/osrelease", "custom\n"), "error", "'custom' is no version"),
        new("host-swap", node => node.Write("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n"), "warn", "/dev/sda2"),
        new("host-core-dumps", node => node.Write("/proc/sys/kernel/core_pattern", "|/usr/share/apport/apport\n"), "warn", "apport"),
        new("host-memlock", node => node.Write("/proc/self/limits", "Max locked memory         65536                65536                bytes\n"), "warn", "65536 bytes"),
        new("host-disk", node => node.Free = 300L << 20, "warn", "300 MiB"),
        new("host-disk", node => node.Free = 3L << 20, "error", "3 MiB"),
        new("tee-device", node => { node.Delete("/dev/sev-guest"); node.Kms = new KmsFacts(FakeNode.KmsSocket, false); }, "error", "none of /dev/tdx_guest"),
        new("tee-driver", node => { Directory.Delete(node.At("/sys/kernel/config/tsm"), recursive: true); }, "error", "not there"),
        new("tee-provider", node => node.Write("/sys/kernel/config/tsm/report/cloister-doctor/provider", "arm_cca_guest\n"), "error", "arm_cca_guest"),
        new("tee-quoting", node => node.Delete("/run/aesmd/aesm.socket"), "error", "not there") { Arrange = Sgx },
        new("tee-firmware", node => node.Write("/proc/cpuinfo", "microcode : 0xffffffff\n"), "warn", "a hypervisor puts"),
        new("config-valid", node => node.Replace(FakeNode.Configuration, "provider: tee", "provider: 'a:b'\nunknown: 1"), "error", "unknown"),
        new("config-digest", node => node.Settings = node.Settings with { ConfigurationDigest = "00ff" }, "error", "SHA-384"),
        new("config-permissions", node => node.Owners[FakeNode.Configuration] = new FileOwner(0, 0, (UnixFileMode)0b110_110_100), "error", "mode 0664"),
        new("config-permissions", node => node.Owners["/etc/cloister"] = new FileOwner(0, 0, (UnixFileMode)0b111_111_111), "error", "mode 0777"),
        new("config-owner", node => node.Owners[FakeNode.Configuration] = new FileOwner(1000, 1000, (UnixFileMode)0b110_000_000), "error", "uid 1000"),
        new("config-relay", node => node.Replace(FakeNode.Configuration, "kms: {", "kms: {unauthenticated: true, "), "error", "unauthenticated: true in kms"),
        new("config-operators", node => node.Replace(FakeNode.Configuration, "manual: {operators: [\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}", "manual: {operators: any}"), "error", "whoever reaches"),
        new("config-authorities", node => node.Replace(FakeNode.Configuration, ", caPins: [", ", caPins: [any, "), "error", "gateway.etcd.caPins: any"),
        new("config-sealing", node => node.Replace(FakeNode.Configuration, "state: {directory: /var/lib/cloister}\n", ""), "warn", "a restart loses the KEKs"),
        new("config-sealing", node => { node.Delete("/dev/sev-guest"); node.Write("/dev/tdx_guest", ""); }, "warn", "TDX cannot seal"),
        new("unit-installed", node => { node.Delete(FakeNode.Unit); }, "error", "neither a unit nor a static pod"),
        new("unit-enabled", node => node.Delete("/etc/systemd/system/multi-user.target.wants/cloister-enclave.service"), "error", "none is enabled"),
        new("unit-active", node => node.Systemctl = "ActiveState=failed\nSubState=failed\nResult=exit-code\n", "error", "failed (failed, exit-code)"),
        new("unit-restarts", node => node.Systemctl = node.Systemctl.Replace("NRestarts=0", "NRestarts=812", StringComparison.Ordinal), "warn", "812 restarts"),
        new("unit-loaded", node => node.Systemctl = node.Systemctl.Replace("Reload=no", "Reload=yes", StringComparison.Ordinal), "warn", "changed since"),
        new("unit-drop-ins", node => DropIn(node, "NoNewPrivileges=no"), "error", "NoNewPrivileges=no loosens"),
        new("unit-drop-ins", node => DropIn(node, "ProtectSystem=full"), "error", "which has strict"),
        new("unit-drop-ins", node => DropIn(node, "LimitCORE=infinity"), "error", "LimitCORE=infinity"),
        new("unit-drop-ins", node => DropIn(node, "SystemCallFilter="), "error", "SystemCallFilter="),
        new("unit-drop-ins", node => DropIn(node, "AmbientCapabilities=CAP_SYS_PTRACE"), "error", "CAP_SYS_PTRACE"),
        new("unit-drop-ins", node => DropIn(node, "DeviceAllow=/dev/mem rw"), "error", "/dev/mem"),
        new("unit-drop-ins", node => DropIn(node, "Environment=LD_PRELOAD=/tmp/x.so"), "error", "LD_PRELOAD"),
        new("unit-drop-ins", node => DropIn(node, "ExecStart=\nExecStart=/tmp/enclave"), "error", "ExecStart=/tmp/enclave"),
        new("unit-drop-ins", node => DropIn(node, "User=nobody"), "error", "User=nobody"),
        new("unit-drop-ins", node => DropIn(node, "TimeoutStopSec=20\nEnvironment=TZ=UTC\n# NoNewPrivileges=no"), "ok", "none loosens"),
        new("unit-memlock", node => DropIn(node, "LimitMEMLOCK=65536"), "error", "LimitMEMLOCK=65536"),
        new("unit-core-dumps", node => DropIn(node, "LimitCORE=infinity"), "error", "LimitCORE=infinity"),
        new("socket-kms", node => node.Kms = new KmsFacts(FakeNode.KmsSocket, false), "error", "does not exist"),
        new("socket-kms", node => node.Owners[FakeNode.KmsSocket] = new FileOwner(0, 0, (UnixFileMode)0b110_110_110), "error", "every user may ask"),
        new("socket-kms", node => node.Owners["/run/cloister"] = new FileOwner(0, 0, (UnixFileMode)0b111_111_111), "error", "another socket in its place"),
        new("socket-listener", node => node.Kms = node.Kms with { Refused = System.Net.Sockets.SocketError.ConnectionRefused }, "error", "nobody listens"),
        new("socket-listener", node => node.Kms = node.Kms with { Refused = System.Net.Sockets.SocketError.AccessDenied }, "error", "may not connect"),
        new("socket-length", node => node.Kms = new KmsFacts($"/run/{new string('x', 120)}/kms.sock", true), "error", "of 107"),
        new("socket-api-server", node => AsUser(node, 1000), "error", "may not connect, mode 0600"),
        new("socket-api-server", node => { AsUser(node, 1000); node.Owners[FakeNode.KmsSocket] = new FileOwner(0, 1000, (UnixFileMode)0b110_110_000); }, "error", "uid 1000"),
        new("socket-api-server", node => { AsUser(node, 1000); Allow(node); node.Owners["/run/cloister"] = new FileOwner(0, 0, (UnixFileMode)0b111_000_000); }, "error", "may not go through /run/cloister"),
        new("socket-api-server", node => { AsUser(node, 1000); Allow(node); node.Owners[FakeNode.KmsSocket] = new FileOwner(0, 1000, (UnixFileMode)0b110_110_000); }, "ok", "uid 1000"),
        new("socket-admin", node => node.State = null, "error", "does not exist"),
        new("kms-status", node => node.Kms = node.Kms with { Status = null, Failure = new RpcException(new Status(StatusCode.FailedPrecondition, "no KEK")) }, "error", "FailedPrecondition: no KEK"),
        new("kms-version", node => node.Kms = Status(node, new StatusResponse { Version = "v1beta1", Healthz = "ok", KeyId = "k" }), "error", "v1beta1"),
        new("kms-healthz", node => node.Kms = Status(node, new StatusResponse { Version = "v2", Healthz = "KMS silent", KeyId = "k" }), "warn", "KMS silent"),
        new("kms-key-id", node => node.Kms = Status(node, new StatusResponse { Version = "v2", Healthz = "ok" }), "error", "none"),
        new("kms-key-id", node => node.Kms = Status(node, new StatusResponse { Version = "v2", Healthz = "ok", KeyId = new string('k', 1025) }), "error", "kkk"),
        new("kms-tee", node => node.Kms = node.Kms with { Tee = "simulated" }, "warn", "SIMULATED"),
        new("kms-tee", node => node.Kms = node.Kms with { Tee = "" }, "warn", "does not say"),
        new("enclave-kek", node => { node.State!.ActiveKeyId = ""; node.State.Health = "no KEK yet"; }, "error", "none for writes: no KEK yet"),
        new("enclave-operators", node => { node.State!.Operators.Clear(); node.State.Operators.Add("any"); }, "warn", "ANY"),
        new("enclave-memory", node => node.State!.MemoryProtection = "KEYS NOT LOCKED IN MEMORY", "warn", "KEYS NOT LOCKED"),
        new("enclave-failures", node => Counts(node, "failures", 90), "warn", "90 failed"),
        new("apiserver-flag", node => node.Replace(FakeNode.Manifest, "- --encryption-provider-config=", "- --other="), "error", "stored in clear"),
        new("apiserver-reload", node => node.Replace(FakeNode.Manifest, "reload=true", "reload=false"), "warn", "off"),
        new("apiserver-mounts", node => node.Replace(FakeNode.Manifest, "hostPath: {path: /run/cloister,", "hostPath: {path: /run/other,"), "error", "no mount has /run/cloister"),
        new("apiserver-mounts", node => node.Replace(FakeNode.Manifest, "path: /run/cloister, type: DirectoryOrCreate", "path: /run/cloister/kms.sock, type: Socket"), "error", "mounted as a socket"),
        new("apiserver-livez", node => node.Replace(FakeNode.Manifest, "livenessProbe: {httpGet: {path: \"/livez?exclude=kms-providers\"", "livenessProbe: {httpGet: {path: \"/livez\""), "error", "livenessProbe /livez"),
        new("apiserver-gateway", node => node.Replace(FakeNode.Manifest, "/secrets#https://127.0.0.1:", "/secrets#https://127.0.0.2:"), "error", "do not go through"),
        new("apiserver-config", node => node.Replace(FakeNode.Encryption, "apiVersion: v2", "apiVersion: v3"), "error", "not v1 or v2"),
        new("apiserver-secrets", node => node.Replace(FakeNode.Encryption, "[secrets]", "[configmaps]"), "error", "stored in clear"),
        new("apiserver-secrets", node => node.Replace(FakeNode.Encryption, "kms.sock", "other.sock"), "error", "points to"),
        new("apiserver-socket", node => node.Replace(FakeNode.Manifest, "mountPath: /run/cloister}", "mountPath: /sockets}"), "error", "nowhere"),
        new("apiserver-phase", node => node.Replace(FakeNode.Encryption, "  providers:\n", "  providers:\n  - identity: {}\n"), "warn", "phase readers"),
        new("apiserver-phase", node => node.Write(FakeNode.Encryption, File.ReadAllText(node.At(FakeNode.Encryption)) + "  - identity: {}\n"), "warn", "phase writers"),
        new("apiserver-provider", node => node.Replace(FakeNode.Encryption, "name: tee", "name: other"), "error", "'other', the enclave's is 'tee'"),
        new("apiserver-kms-v2", node => { node.Replace(FakeNode.Encryption, "apiVersion: v2", "apiVersion: v1"); node.Settings = node.Settings with { KmsV1 = true }; }, "warn", "KMS v1"),
        new("gateway-certificate", node => node.CloseTls(), "error", "ConnectionRefused"),
        new("gateway-files", node => node.Write("/etc/cloister/gateway.crt", FakeNode.Certificate(TimeSpan.FromDays(3))), "warn", "until"),
        new("gateway-files", node => node.Write("/etc/cloister/gateway.crt", FakeNode.Certificate(TimeSpan.FromDays(-3))), "error", "ended"),
        new("gateway-files", node => node.Write("/etc/cloister/gateway.crt", "no certificate"), "error", "no certificate in it"),
        new("gateway-files", node => node.Delete("/etc/cloister/gateway.crt"), "error", "not there"),
        new("gateway-etcd-members", node => node.ClosePort(), "error", "ConnectionRefused"),
        new("gateway-etcd-failures", node => Counts(node, "gateway_etcd_failures_2", 4), "warn", "gateway_etcd_failures_2 4"),
        new("gateway-undecryptable", node => Counts(node, "gateway_values_undecryptable", 2), "error", "gateway_values_undecryptable 2"),
        new("gateway-kek-absent", node => Counts(node, "gateway_values_kek_absent", 2), "error", "gateway_values_kek_absent 2"),
        new("gateway-refused", node => Counts(node, "gateway_answers_refused", 1), "error", "gateway_answers_refused 1"),
        new("gateway-keys-refused", node => Counts(node, "gateway_keys_refused", 1), "warn", "gateway_keys_refused 1"),
        new("gateway-files-refused", node => Counts(node, "gateway_tls_files_refused", 1), "warn", "gateway_tls_files_refused 1"),
        new("broker-reachable", node => node.CloseTls(), "error", "ConnectionRefused") { Arrange = Attested },
        new("broker-pin", node => node.Replace(FakeNode.Configuration, "pins: [\"sha256:", "pins: [\"sha256:AAAA"), "error", "none is pinned") { Arrange = Attested },
        new("broker-lease", node => (node.State!.Lease.Lease, node.State.Lease.FailedStep, node.State.Lease.Failure) = ("", "policy", "measurement"), "error", "policy: measurement") { Arrange = Attested },
        new("broker-renewal", node => (node.State!.Lease.FailedStep, node.State.Lease.Failure) = ("connect", "refused"), "warn", "not renewed: connect: refused") { Arrange = Attested },
        new("broker-contact", node => (node.State!.Lease.Brokers[1].Failing, node.State.Lease.Brokers[1].Failure) = (true, "connect: ConnectionRefused"), "warn", "https://c connect: ConnectionRefused, last answered 20 s ago") { Arrange = Attested },
        new("broker-contact", node => { foreach (BrokerReach one in node.State!.Lease.Brokers) { one.Failing = true; } }, "error", "https://b") { Arrange = Attested },
        new("broker-budget", node => node.State!.Lease.UnwrapsLeft = 0, "error", "reads have stopped") { Arrange = Attested },
        new("broker-budget", node => node.State!.Lease.WrapsLeft = 5, "warn", "5 wraps") { Arrange = Attested },
        new("broker-clock", node => node.State!.Lease.Now += 120_000, "warn", "120 s between") { Arrange = Attested },
        new("broker-clock", node => node.State!.Lease.Now -= 3_600_000, "error", "3600 s between") { Arrange = Attested },
        new("broker-audit", node => node.State!.Lease.AuditWentBack = 1, "error", "went back") { Arrange = Attested },
        new("broker-sealed-copy", node => node.State!.Lease.Restored = true, "warn", "from the sealed copy") { Arrange = Attested },
        new("broker-policy", node => node.Broker = node.Broker with { Forecast = node.Broker.Forecast with { Enclaves = [FakeNode.Forecast("refusedNow", "measurement", "not listed")] } }, "error", "measurement: not listed") { Arrange = Attested },
        new("broker-policy", node => node.Broker = node.Broker with { Forecast = node.Broker.Forecast with { Enclaves = [] } }, "warn", "no lease of this enclave") { Arrange = Attested },
        new("broker-digest", node => node.Write(FakeNode.Configuration, File.ReadAllText(node.At(FakeNode.Configuration)) + "\n# changed\n"), "error", "the file is") { Arrange = Attested },
        new("broker-collateral", node => node.Broker = node.Broker with { Collateral = new(FakeNode.Now, [new("snp-milan", "crl", false, "d", FakeNode.Now.AddDays(-40), FakeNode.Now.AddDays(3), null)]) }, "warn", "ends at") { Arrange = Attested },
        new("broker-collateral", node => node.Broker = node.Broker with { Collateral = new(FakeNode.Now, [new("snp-milan", "crl", false, "d", FakeNode.Now.AddDays(-40), FakeNode.Now.AddDays(-1), null)]) }, "error", "ended at") { Arrange = Attested },
        new("broker-kek-age", node => Active(node, FakeNode.Now.AddDays(-100)), "warn", "in use since") { Arrange = Attested },
        new("broker-admin-key", node => node.Broker = node.Broker with { KeyExpires = "2026-12-24T00:00:00Z" }, "warn", "2026-12-24") { Arrange = Attested },
        new("cluster-key-id", node => Other(node, "cl1-other", ""), "error", "n2: cl1-other") { Arrange = node => Other(node, FakeNode.KeyId, "") },
        new("cluster-config-digest", node => Other(node, FakeNode.KeyId, "00"), "error", "n2: 00") { Arrange = node => Other(node, FakeNode.KeyId, ConfigurationChecks.Digest(node.Scope())) },
        new("etcd-coverage", node => node.Etcd.Add(("/registry/secrets/a/clear", "k8s\0x"u8.ToArray(), new CheckedValue(null))), "error", "1 of 2 in clear, such as /registry/secrets/a/clear") { Arrange = Etcd },
        new("etcd-coverage", node => node.Etcd.Clear(), "warn", "no keys") { Arrange = Etcd },
        new("etcd-stale", node => node.Etcd.Add(("/registry/secrets/a/old", SeededValues.Ours("tee", 2), new CheckedValue(true))), "warn", "1 of 2") { Arrange = Etcd },
        new("etcd-undecryptable", node => node.Etcd.Add(("/registry/secrets/a/bad", SeededValues.Ours("tee", 1), new CheckedValue(false))), "error", "1 of 2 do not open, such as /registry/secrets/a/bad") { Arrange = Etcd },
        new("etcd-encrypted-twice", node => node.Etcd.Add(("/registry/secrets/a/twice", SeededValues.Ours("tee", 1), new CheckedValue(true, "kms v2"))), "error", "encrypted once more inside") { Arrange = Etcd },
        new("etcd-outside", node => node.Etcd.Add(("/backup/secrets/a", "{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}"u8.ToArray(), new CheckedValue(null))), "error", "in clear outside") { Arrange = Etcd },
        new("backup-shares", node => node.Broker = node.Broker with { Recovery = [FakeNode.Entry("kek.export", """{"kek":"prod","version":1,"result":"refused"}""", 1)] }, "warn", "no shares") { Arrange = Attested },
        new("backup-drill", node => node.Broker = node.Broker with { Recovery = [FakeNode.Entry("kek.drill", """{"kek":"prod","matches":false,"result":"done"}""", 1)] }, "warn", "never") { Arrange = Attested },
        new("backup-drill", node => node.Broker = node.Broker with { Recovery = [FakeNode.Entry("kek.drill", """{"kek":"prod","matches":true,"result":"done"}""", 200)] }, "warn", "the last one that worked") { Arrange = Attested },
    ];

    public static TheoryData<int, string> Cases => [.. All.Select((one, i) => (i, one.Id))];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_check_is_ok_on_a_good_node_and_says_what_is_wrong_with_a_bad_one(int index, string id)
    {
        Programs.NameThem();
        Environment.SetEnvironmentVariable("CLOISTER_ENCLAVE", Programs.Enclave);
        Case one = All[index];
        Check check = DoctorRun.All.Single(check => check.Id == id);
        using FakeNode node = new();
        one.Arrange(node);
        IReadOnlyList<CheckResult> good = await DoctorRun.RunAsync([check], node.Scope(), DoctorRun.Limit, Stop);
        Assert.All(good, result => Assert.True(result.Finding.State == CheckState.Ok, $"{result.Finding}"));
        Assert.All(good, result => Assert.Equal("", result.Finding.Fix));

        one.Break(node);
        IReadOnlyList<CheckResult> bad = await DoctorRun.RunAsync([check], node.Scope(), DoctorRun.Limit, Stop);
        CheckResult worst = bad.MaxBy(result => result.Finding.State)!;
        Assert.Contains(bad, result => result.Finding.Seen.Contains(one.Reason, StringComparison.Ordinal) || $"{result.Finding.Target}".Contains(one.Reason, StringComparison.Ordinal));
        Assert.True(one.State == DoctorReport.Name(worst.Finding.State), $"{worst.Finding}");
        Assert.Equal(one.State == "ok", worst.Finding.Fix.Length == 0);
    }

    [Fact]
    public void Every_check_has_a_case_in_which_it_fails_an_id_of_its_own_and_a_document_that_exists()
    {
        Assert.True(DoctorRun.All.Count >= 40);
        Assert.Equal(DoctorRun.All.Count, DoctorRun.All.DistinctBy(check => check.Id).Count());
        Assert.Empty(DoctorRun.All.Select(check => check.Id).Except(All.Where(one => one.State != "ok").Select(one => one.Id)).Except(Elsewhere));
        Assert.All(DoctorRun.All, check => Assert.True(File.Exists(Path.Combine(Programs.RepositoryRoot, check.Document)), check.Document));
        Assert.All(DoctorRun.All, check => Assert.Contains(check.Group, (string[])["host", "tee", "config", "unit", "socket", "kms", "enclave", "apiserver", "gateway", "broker", "cluster", "etcd", "backup"]));
    }

    [Fact]
    public async Task One_that_throws_and_one_that_hangs_end_no_other()
    {
        using FakeNode node = new();
        Check Make(string id, Func<Task<IEnumerable<Finding>>> run) => new(id, DoctorPhase.Node, id, "docs/install.md", (_, _) => run());
        IReadOnlyList<CheckResult> results = await DoctorRun.RunAsync(
        [
            Make("a-throws", () => throw new InvalidOperationException("broken")),
            Make("a-denied", () => throw new UnauthorizedAccessException("/etc/cloister")),
            Make("a-hangs", async () => { await Task.Delay(Timeout.Infinite, CancellationToken.None); return []; }),
            Make("a-skips", () => throw new SkippedException("not here")),
            Make("a-works", () => Task.FromResult<IEnumerable<Finding>>([Finding.Ok("", "seen")])),
        ], node.Scope(), TimeSpan.FromMilliseconds(200), Stop);
        Assert.Equal(["error", "error", "error", "skipped", "ok"], results.Select(result => DoctorReport.Name(result.Finding.State)));
        Assert.Contains("broken", results[0].Finding.Seen, StringComparison.Ordinal);
        Assert.Contains("as root", results[1].Finding.Fix, StringComparison.Ordinal);
        Assert.Contains("no answer within", results[2].Finding.Seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("host", "", 6)]
    [InlineData("host,preflight", "host-swap", 18)]
    [InlineData("kms-status", "", 1)]
    [InlineData("", "preflight,node,cluster", 0)]
    public void Checks_are_chosen_by_id_group_and_phase(string only, string skip, int count)
    {
        static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);
        int chosen = DoctorRun.Select(Split(only), Split(skip)).Count;
        Assert.Equal(only.Length + skip.Length == 0 ? DoctorRun.All.Count : count, chosen);
        Assert.Contains("host-swap", Assert.Throws<CliException>(() => DoctorRun.Select(["swap"], [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_probe_came_to()
    {
        ProbeReport report = new("v2");
        report.Check("Decrypt gives the seed back", true, "32 bytes");
        Assert.Equal(CheckState.Ok, Assert.Single(KmsChecks.Judge("/s", report)).State);
        report.Check("Decrypt refuses another key_id", false, "it was accepted");
        Finding failed = Assert.Single(KmsChecks.Judge("/s", report));
        Assert.Equal((CheckState.Error, "Decrypt refuses another key_id: it was accepted"), (failed.State, failed.Seen));
    }

    [Theory]
    [InlineData(20, 3000, true, "ok", "20 ms of 3000 ms")]
    [InlineData(1500, 3000, true, "warn", "1500 ms of 3000 ms")]
    [InlineData(1500, 1000, true, "error", "1500 ms of 1000 ms")]
    [InlineData(1, 3000, false, "error", "failed or took longer than 3000 ms")]
    public void Latency_is_held_against_the_API_server_s_time_out(int slowest, int timeout, bool answered, string state, string seen)
    {
        Finding finding = KmsChecks.JudgeLatency("/s", TimeSpan.FromMilliseconds(slowest), TimeSpan.FromMilliseconds(timeout), answered);
        Assert.Equal(state, DoctorReport.Name(finding.State));
        Assert.Contains(seen, finding.Seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v1beta4", "extraArgs:\n  - {name: encryption-provider-config, value: /etc/e.yaml}\n  - {name: encryption-provider-config-automatic-reload, value: \"true\"}\n")]
    [InlineData("v1beta3", "extraArgs: {encryption-provider-config: /etc/e.yaml, encryption-provider-config-automatic-reload: \"true\"}\n")]
    public void Kubeadm_s_configuration_says_flags_and_mounts(string version, string arguments)
    {
        string configuration = $"apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\napiServer:\n  {arguments}"
            + "  extraVolumes:\n  - {name: s, hostPath: /run/cloister, mountPath: /run/cloister, pathType: DirectoryOrCreate}\n";
        string map = $"apiVersion: v1\nkind: ConfigMap\ndata:\n  ClusterConfiguration: |\n{string.Concat(configuration.Split('\n').Select(line => $"    {line}\n"))}";
        foreach (string text in (string[])[configuration, map])
        {
            ApiServerFacts facts = ApiServerFacts.Read(text);
            Assert.False(facts.IsPod);
            Assert.Equal("/etc/e.yaml", facts.Flag("encryption-provider-config"));
            Assert.Equal("true", facts.Flag("encryption-provider-config-automatic-reload"));
            Assert.Equal("/run/cloister/kms.sock", facts.OnHost("/run/cloister/kms.sock"));
            Assert.Null(facts.OnHost("/etc/e.yaml"));
        }

        Assert.Throws<FormatException>(() => ApiServerFacts.Read("kind: Deployment\n"));
    }

    [Fact]
    public void JUnit_has_a_case_for_each_finding()
    {
        Check check = DoctorRun.All[0];
        string xml = DoctorReport.JUnit(
        [
            new CheckResult(check, Finding.Ok("/a", "fine")), new CheckResult(check, Finding.Error("/b", "bad \u0001 <&>", "fix it")),
            new CheckResult(check, Finding.Warn("/c", "so so", "look")), new CheckResult(check, new Finding(CheckState.Skipped, "", "not here")),
        ]);
        System.Xml.Linq.XElement root = System.Xml.Linq.XDocument.Parse(xml).Root!;
        Assert.Equal(("4", "1", "1"), ((string)root.Attribute("tests")!, (string)root.Attribute("failures")!, (string)root.Attribute("skipped")!));
        System.Xml.Linq.XElement failure = Assert.Single(root.Descendants("failure"));
        Assert.Equal("bad \uFFFD <&>", (string)failure.Attribute("message")!);
        Assert.Contains("fix: fix it", failure.Value, StringComparison.Ordinal);
        Assert.Equal(4, root.Descendants("testcase").Count());
    }

    private static KmsFacts Status(FakeNode node, StatusResponse status) => node.Kms with { Status = status };

    private static void DropIn(FakeNode node, string lines) => node.Write("/etc/systemd/system/cloister-enclave.service.d/10-mine.conf", $"[Service]\n{lines}\n");

    private static void Counts(FakeNode node, string name, ulong value)
    {
        Counter? there = node.State!.Counters.FirstOrDefault(counter => counter.Name == name);
        node.State.Counters.Remove(there ?? new Counter());
        node.State.Counters.Add(FakeNode.Count(name, value));
    }

    private static void AsUser(FakeNode node, int user) =>
        node.Replace(FakeNode.Manifest, "spec:\n", $"spec:\n  securityContext: {{runAsUser: {user}, runAsGroup: {user}}}\n");

    private static void Allow(FakeNode node) => node.Replace(FakeNode.Configuration, "kms: {", "kms: {socket: {allowedUids: [0, 1000]}, ");

    private static void Sgx(FakeNode node)
    {
        node.Delete("/dev/sev-guest");
        node.Write("/dev/sgx_enclave", "");
        node.Write("/run/aesmd/aesm.socket", "");
    }

    private static void Attested(FakeNode node) => node.Attested();

    private static void Etcd(FakeNode node) => node.Settings = node.Settings with { Etcd = EtcdOptions.Create("http://127.0.0.1:1", null, null, null) };

    private static void Active(FakeNode node, DateTimeOffset since) => node.Broker = node.Broker with
    {
        Keks = [node.Broker.Keks[0] with { Versions = [node.Broker.Keks[0].Versions[0] with { ActiveAt = since }] }],
    };

    private static void Other(FakeNode node, string keyId, string digest)
    {
        node.Write("/n2.json", new System.Text.Json.Nodes.JsonObject { ["node"] = new NodeFacts("n2", [keyId], digest).ToJson() }.ToJsonString());
        node.Settings = node.Settings with { Nodes = ["/n2.json"], Broker = Context };
    }

    private sealed record Case(string Id, Action<FakeNode> Break, string State, string Reason)
    {
        internal Action<FakeNode> Arrange { get; init; } = _ => { };
    }
}
