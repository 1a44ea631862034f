using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Cloister.Audit;
using Cloister.Broker.Tests.Processes;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Gramine.Tests.Ground;
using Cloister.KeyStores.RootKeys;
using Cloister.Simulator.Dcap;

namespace Cloister.EnclaveVm.Tests.Ground;

/// <summary>
/// A host as docs/enclave-vm.md sets one up without a TEE: <c>cloister vm run</c> with the simulated enclave, the relay with its key in front of the machine's port,
/// and a broker whose policy names the measurement that <c>cloister vm run --print measurement</c> prints for the honest image.
/// </summary>
internal sealed class VmNode : IAsyncDisposable
{
    internal const string Kek = "example";
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(6);

    private readonly ScratchFolder _folder = new();
    private readonly int _kmsPort = LoopbackPort.Next();
    private readonly int _brokerPort = LoopbackPort.Next();
    private BrokerProcess? _broker;
    private OtherBroker? _admin;
    private ChildProcess? _relay;
    private ChildProcess? _machine;

    internal OtherBroker Admin => _admin!;

    /// <summary>The relay's socket.</summary>
    internal string KmsSocket => _folder["kms.sock"];

    /// <summary>The measurement that the policy names.</summary>
    internal string Measurement { get; private set; } = "";

    internal ChildProcess Machine => _machine ?? throw new InvalidOperationException("the machine was not started");

    /// <summary>The machine's console.</summary>
    internal string Console => _machine?.Tail(10_000) ?? "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>All but the machine.</summary>
    internal static async Task<VmNode> PrepareAsync()
    {
        VmPrograms.Require();
        VmNode node = new();
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

    /// <summary>Starts the machine.</summary>
    /// <param name="image">Another image than the honest one.</param>
    /// <param name="configuration">Another configuration.</param>
    /// <param name="more">More arguments of <c>cloister vm run</c>.</param>
    internal ChildProcess Start(string? image = null, string? configuration = null, params string[] more) => _machine = ChildProcess.Start(
        "machine", _folder.Path, VmPrograms.Cli, [.. RunArguments(image ?? VmPrograms.SimulatedImage, configuration ?? _folder["enclave.yaml"]), "--port", $"{_kmsPort}:7400", .. more]);

    /// <summary>Starts the machine and waits until Status says <c>ok</c>.</summary>
    /// <returns>How long that took.</returns>
    internal async Task<TimeSpan> StartServingAsync()
    {
        long start = Stopwatch.GetTimestamp();
        Start();
        await UntilServingAsync();
        return Stopwatch.GetElapsedTime(start);
    }

    internal async Task UntilServingAsync()
    {
        using KmsClient kms = new(KmsSocket);
        await HoldsAsync("KMS serves", async () => await kms.HealthAsync() == "ok");
    }

    /// <summary>Asks again until it holds, or the machine ends.</summary>
    internal Task<TimeSpan> HoldsAsync(string what, Func<Task<bool>> holds) => Eventually.HoldsAsync(
        what,
        StartLimit,
        async () => await holds() || (Machine.HasExited ? throw new InvalidOperationException($"the machine ended before it held: {what}\n{Console}") : false),
        Stop,
        () => Console);

    /// <summary>Waits for a line of the console that has these words.</summary>
    internal Task<string> SaysAsync(params string[] words) =>
        Machine.WaitForLineAsync(line => words.All(word => line.Contains(word, StringComparison.Ordinal)), StartLimit, Stop);

    /// <summary>What a refused enclave leaves in the broker's audit log.</summary>
    internal async Task<List<AuditEntry>> RefusalsAsync() => [.. (await Admin.AuditAsync()).Where(entry => entry.Kind == "evidence.refused")];

    /// <summary>What is measured of an image with a configuration.</summary>
    internal async Task<string> MeasureAsync(string? image = null, string? configuration = null) =>
        (await VmPrograms.CliAsync([.. RunArguments(image ?? VmPrograms.SimulatedImage, configuration ?? _folder["enclave.yaml"]), "--port", $"{_kmsPort}:7400", "--print", "measurement"])).EnsureSuccess().Trim();

    /// <summary>A path in the node's folder.</summary>
    internal string PathOf(string name) => _folder[name];

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable? one in (IAsyncDisposable?[])[_relay, _machine, _admin, _broker])
        {
            if (one is not null)
            {
                await one.DisposeAsync();
            }
        }

        _folder.Dispose();
    }

    private string[] RunArguments(string image, string configuration) =>
    [
        "vm", "run", "--tee", "none", "--image", image, "--config", configuration,
        "--file", $"vendor/UNPROTECTED-vendor.pem={_folder["vendor/UNPROTECTED-vendor.pem"]}", "--file", $"vendor/UNPROTECTED-platform.pem={_folder["vendor/UNPROTECTED-platform.pem"]}",
    ];

    private async Task MakeAsync()
    {
        DcapVendorDirectory.Open(_folder["vendor"], DateTimeOffset.UtcNow).Dispose();
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
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
        _broker = await BrokerProcess.StartAsync(_folder["broker.yaml"]);
        _admin = await OtherBroker.OpenAsync($"sqlite:{_folder["broker.db"]}", _broker.Authority, FileRootKey.Open(_folder["UNPROTECTED-root.key"]), []);
        string relay = (await VmPrograms.CliAsync("relay", "keygen", "--key", _folder["relay.key"])).EnsureSuccess().Trim();
        await File.WriteAllTextAsync(_folder["enclave.yaml"], $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms:
              listen: tcp:0.0.0.0:7400
              relay: { pins: ["{{relay}}"] }
            custody: { mode: attested }
            broker:
              urls: ["https://10.0.2.2:{{_brokerPort}}"]
              pins: ["{{_broker.Pin}}"]
              kek: {{Kek}}
            simulation: { vendorDirectory: /etc/cloister/vendor }
            """, Stop);
        Measurement = await MeasureAsync();
        await Admin.MakeKekAsync(Kek, Policy());
        _relay = ChildProcess.Start(
            "relay", _folder.Path, VmPrograms.Cli, "relay", "--listen", $"unix:{KmsSocket}", "--target", $"127.0.0.1:{_kmsPort}", "--key", _folder["relay.key"]);
        await _relay.WaitForLineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), StartLimit, Stop);
    }

    // The digest of the configuration is not pinned: the measurement alone has to tell.
    private string Policy() => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: {{Kek}} }
        spec:
          appraisal:
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "{{Measurement}}" } ]
              configid: any
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: any
          roots:
            - |
              {{Indented(File.ReadAllText(Path.Combine(_folder["vendor"], DcapVendorDirectory.RootFile)), 6)}}
          lease: { duration: 20s, grace: 0s, wraps: 1000000, unwraps: 1000000 }
        """;

    private static string Indented(string text, int by) => text.TrimEnd().Replace("\n", "\n" + new string(' ', by), StringComparison.Ordinal);
}
